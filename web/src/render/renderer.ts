import { type Pick, pick } from "../picking/pick";
import type { Sight } from "../picking/ray";
import { sightThrough } from "../picking/sight";
import type { SceneHeader, VolumeData } from "../scene/types";
import { type PlacedVolume, placeVolume } from "../slices/grid";
import { Client } from "../sorting/client";
import type { ViewState } from "../state";
import { subtract, apply as transform, type Vec3 } from "../vectors";
import type { Looks } from "./appearance";
import { type Camera, orbitCamera } from "./camera";
import { Chunks } from "./chunks";
import { type Planes, planesOf } from "./clipping";
import { type Accumulation, accumulationOf, openContext } from "./context";
import { RendererError } from "./errors";
import { type Drawing, Loop } from "./loop";
import { type Ordered, Ordering } from "./ordering";
import type { Probed } from "./probe";
import { Programs } from "./programs";
import { Stage } from "./stage";
import { eyeOf } from "./view";
import { organOpacities, shownLabels } from "./visibility";

/** More pixels than these per CSS pixel are not seen. */
const PIXEL_RATIO_MAX = 2;
/** An order that takes no longer is waited for, ms; a slower one is caught up with. */
const QUICK_MS = 25;

/** The parts of the state that a picture shows. */
const SHOWN = [
  "orbit",
  "visible",
  "opacity",
  "transfer",
  "clipping",
  "fidelity",
  "window",
  "background",
  "directional",
] as const;

/** What was drawn last, and from what. */
interface Seen {
  version: number;
  resolution: number;
  order: Ordered | null;
}

/** Shows a scene of 6D Gaussians on a canvas, and draws pictures of it. */
export class Renderer implements Drawing {
  /** Called when the graphics driver drops the picture, and when it is back; both need no action. */
  onContextLost: () => void = () => undefined;
  onContextRestored: () => void = () => undefined;
  /** In CSS pixels of the canvas, of the last frame. */
  camera: Camera | null = null;
  readonly gl: WebGL2RenderingContext;
  private readonly client = new Client();
  private readonly ordering = new Ordering(this.client, () => this.loop.request());
  private readonly loop = new Loop(this);
  private programs: Programs;
  private stage: Stage | null = null;
  private scene: Chunks | null = null;
  private errors: Uint8Array | null = null;
  private volume: PlacedVolume | null = null;
  private state: ViewState | null = null;
  private planes: Planes = [];
  private looks: Looks = { organs: new Float32Array(256).fill(1), transfer: null, light: null, fidelity: false };
  private wanted: Ordered | null = null;
  /** Counts changes that can be seen. */
  private version = 0;
  private seen: Seen = { version: -1, resolution: 0, order: null };

  /**
   * @param accumulation What pictures are added up in; by default the best that the context offers.
   * @throws RendererError There is no WebGL 2, or its driver is of no use; the message is for people.
   */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly accumulation?: Accumulation,
  ) {
    this.gl = openContext(canvas);
    this.programs = new Programs(this.gl);
    this.programs.prepare();
    canvas.addEventListener("webglcontextlost", (event) => this.lose(event));
    canvas.addEventListener("webglcontextrestored", () => this.restore());
    new ResizeObserver(() => this.change()).observe(canvas);
  }

  /**
   * Show another scene; its Gaussians come by `addChunk`.
   *
   * @throws RendererError The graphics card cannot hold it.
   */
  setScene(header: SceneHeader): void {
    this.stage?.dispose();
    this.stage = null;
    this.scene = new Chunks(header);
    this.errors = null;
    this.looks = { ...this.looks, light: null };
    this.client.call("setScene", header);
    this.ordering.reset();
    this.wanted = null;
    this.buildStage();
    if (this.state) this.takeOver(this.state);
    this.change();
  }

  /** Show this scan on cut faces, and tell its values of what is picked. */
  setVolume(volume: VolumeData | null): void {
    this.volume = volume && placeVolume(volume);
    this.stage?.painter.setVolume(volume);
    this.change();
  }

  /** Take in the records of a chunk, put back together; in any order. */
  addChunk(index: number, words: Uint32Array): void {
    if (!this.scene) throw new RendererError("There is no scene that the chunk could belong to.");
    const start = this.scene.add(index, words);
    this.client.call("addChunk", start, words);
    this.stage?.painter.addGaussians(start, words);
    if (this.wanted) this.wanted = { ...this.wanted, chunks: this.wanted.chunks + 1 };
    this.change();
  }

  /** Take in the errors of all Gaussians, a byte for each in the order of the chunks. */
  setErrors(errors: Uint8Array): void {
    const expected = this.scene?.header.count ?? 0;
    if (errors.length !== expected) {
      throw new RendererError(`There are ${errors.length} errors; expected ${expected}, one per Gaussian.`);
    }
    this.errors = errors;
    this.stage?.painter.appearance.setErrors(errors);
    if (this.state) this.takeOver(this.state);
    this.change();
  }

  /** Take over what changed of the state. */
  apply(state: ViewState): void {
    const before = this.state;
    this.takeOver(state);
    if (!before || SHOWN.some((part) => state[part] !== before[part])) this.change();
  }

  /** Light the scene anew: J [N, 3] in the order of the chunks, or null for the scene's own. */
  setIllumination(light: Float32Array | null): void {
    const expected = 3 * (this.scene?.header.count ?? 0);
    if (light && light.length !== expected) {
      throw new RendererError(`The light has ${light.length} numbers; expected ${expected}, three per Gaussian.`);
    }
    this.looks = { ...this.looks, light };
    this.change();
  }

  /** Resolves when the picture on the canvas is complete and sharp. */
  idle(): Promise<void> {
    return this.loop.idle();
  }

  /**
   * Draw the scene as it is shown for any camera.
   *
   * @returns RGBA premultiplied, rows from top to bottom; over the background if one is given, else transparent.
   */
  async picture(camera: Camera, background?: Vec3): Promise<Float32Array<ArrayBuffer>> {
    const { eye, shown } = this.wantedFor(camera);
    const { scene } = this;
    const order = await this.client.call("sort", eye, shown);
    const { stage, state } = this;
    if (!stage || !state) throw new RendererError("There is no scene to draw, or the graphics driver is restarting.");
    if (scene !== this.scene) return this.picture(camera, background);
    const pixels = stage.picture(this.view(state, camera), order);
    if (this.ordering.order) stage.painter.setOrder(this.ordering.order);
    for (let k = 0; background && k < pixels.length; k += 4) {
      for (let c = 0; c < 3; c++) pixels[k + c] += (1 - pixels[k + 3]) * background[c];
      pixels[k + 3] = 1;
    }
    return pixels;
  }

  /** What is seen at a place of the canvas, CSS pixels; null where nothing is. */
  async pick(x: number, y: number): Promise<Pick | null> {
    const { state, scene, canvas } = this;
    if (!state || !scene) return null;
    const view = this.view(state, orbitCamera(state.orbit, canvas.clientWidth, canvas.clientHeight));
    const sight = sightThrough(scene.header, view, x, y);
    const meet = (along: Sight) => this.client.call("pick", along);
    return pick(sight, meet, (index) => scene.valueOf(index), this.volume, view.face !== null);
  }

  /** Depth of what is seen at a place of the canvas, mm along the viewing axis; null where nothing is. */
  async depthAt(x: number, y: number): Promise<number | null> {
    return (await this.pick(x, y))?.depth ?? null;
  }

  /** Where a point of the world is on the canvas, CSS pixels; null behind the camera. */
  project(point: Vec3): [number, number] | null {
    const { camera } = this;
    if (!camera) return null;
    const [x, y, z] = transform(camera.rotation, subtract(point, camera.position));
    if (camera.orthographic) return [camera.fx * x + camera.cx, camera.fy * y + camera.cy];
    return z > 0 ? [(camera.fx * x) / z + camera.cx, (camera.fy * y) / z + camera.cy] : null;
  }

  /** Every Gaussian as the shaders make it for an eye at a place, or infinitely far against a direction; for tests. */
  probe(position: Vec3, forward: Vec3 | null = null): Probed {
    const { stage, scene, state } = this;
    if (!stage || !scene || !state) throw new RendererError("There is no scene to probe.");
    return stage.probe(scene.header.count, position, forward, { ...state, looks: this.looks });
  }

  get stats() {
    return {
      /** Gaussians that have arrived. */
      count: this.scene?.count ?? 0,
      /** Gaussians in the order of drawing: those of organs that are shown. */
      drawn: this.ordering.order?.length ?? 0,
      sortMs: this.ordering.milliseconds,
      frameMs: this.loop.milliseconds,
      frames: this.loop.frames,
      /** Share of the canvas's resolution at which moving pictures are drawn. */
      movingResolution: this.loop.moving,
      sortsOnMainThread: this.client.onMainThread,
    };
  }

  isCurrent(resolution: number): boolean {
    const { seen, ordering, wanted } = this;
    if (!this.stage || !wanted || this.canvas.clientWidth * this.canvas.clientHeight === 0) return true;
    const ordered = ordering.isMadeFor(wanted) && seen.order === ordering.made;
    return ordered && seen.version === this.version && seen.resolution >= resolution;
  }

  mustWait(): boolean {
    const { ordering, wanted } = this;
    if (!this.stage || !wanted) return false;
    ordering.want(wanted);
    const quick = ordering.order === null || ordering.milliseconds < QUICK_MS;
    return ordering.busy && (quick || this.seen.version === this.version);
  }

  draw(resolution: number): void {
    const { stage, state, canvas } = this;
    if (!stage || !state || !this.wanted) return;
    const ratio = Math.min(devicePixelRatio, PIXEL_RATIO_MAX);
    const size = [canvas.clientWidth, canvas.clientHeight].map((length) => Math.max(1, Math.round(length * ratio)));
    // Giving a canvas its size empties it, even if that is the size it has.
    if (canvas.width !== size[0]) canvas.width = size[0];
    if (canvas.height !== size[1]) canvas.height = size[1];
    const [width, height] = size.map((length) => Math.max(1, Math.round(length * resolution)));
    const { ordering } = this;
    if (ordering.order && this.seen.order !== ordering.made) stage.painter.setOrder(ordering.order);
    const camera = orbitCamera(state.orbit, width, height);
    stage.present(this.view(state, camera), state.background);
    this.camera = orbitCamera(state.orbit, canvas.clientWidth, canvas.clientHeight);
    this.seen = { version: this.version, resolution, order: ordering.made };
  }

  private change(): void {
    this.version++;
    this.loop.change();
  }

  private takeOver(state: ViewState): void {
    const before = this.state;
    if (state.clipping !== before?.clipping) this.planes = planesOf(state.clipping);
    this.state = state;
    const functions = this.scene?.header.shading?.functions ?? null;
    const transfer = state.transfer === functions ? null : state.transfer;
    if (transfer !== this.looks.transfer) this.looks = { ...this.looks, transfer };
    const fidelity = state.fidelity && this.errors !== null;
    if (fidelity !== this.looks.fidelity) this.looks = { ...this.looks, fidelity };
    const reordered = !this.wanted || state.orbit !== before?.orbit || state.directional !== before.directional;
    if (state.visible !== before?.visible || state.opacity !== before.opacity) {
      this.looks = { ...this.looks, organs: organOpacities(state) };
      const shown = shownLabels(this.looks.organs);
      const same = this.wanted?.shown.every((value, label) => value === shown[label]);
      if (this.wanted && !same) this.wanted = { ...this.wanted, shown };
    }
    if (reordered) this.wanted = this.wantedFor(orbitCamera(state.orbit, 1, 1));
  }

  private wantedFor(camera: Camera): Ordered {
    const { organs } = this.looks;
    const chunks = this.scene?.arrived().length ?? 0;
    const shown = this.wanted?.shown ?? shownLabels(organs);
    return { eye: eyeOf(camera, this.state?.directional ?? true), shown, chunks };
  }

  private lose(event: Event): void {
    // Without this the browser would not give the context back.
    event.preventDefault();
    this.stage = null;
    this.loop.interrupt();
    this.onContextLost();
  }

  private restore(): void {
    this.programs = new Programs(this.gl);
    this.seen = { version: -1, resolution: 0, order: null };
    this.buildStage();
    this.change();
    this.onContextRestored();
  }

  /** Bring the scene onto the graphics card. */
  private buildStage(): void {
    const { scene } = this;
    if (!scene || this.gl.isContextLost()) return;
    // Also switches on the extensions: a context that was restored has none.
    const best = accumulationOf(this.gl);
    const stage = new Stage(this.gl, this.programs, scene.header, this.accumulation ?? best);
    for (const [start, words] of scene.arrived()) stage.painter.addGaussians(start, words);
    if (this.errors) stage.painter.appearance.setErrors(this.errors);
    stage.painter.setVolume(this.volume?.data ?? null);
    this.stage = stage;
  }

  /** The picture for a camera, as the state would have it. */
  private view(state: ViewState, camera: Camera) {
    const { planes, looks } = this;
    const face = state.clipping.face ? state.window : null;
    return { camera, directional: state.directional, looks, planes, face };
  }
}
