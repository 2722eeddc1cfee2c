import { LIGHT_KEYS, Relighter } from "../lighting/relighter";
import { Renderer } from "../render/renderer";
import { openBlob } from "../scene/blob";
import { BlobError } from "../scene/errors";
import { joinPlanes } from "../scene/gaussians";
import type { SceneHeader } from "../scene/types";
import { readVolume } from "../scene/volume";
import { mountSlices, type Slices } from "../slices/slices";
import { Store } from "../state";
import { showFailure } from "./failure";
import { carriedOver, initialState } from "./initial";
import type { Layout } from "./layout";
import { mountPage } from "./mounting";
import type { Progress } from "./progress";
import type { SceneState, SceneStore } from "./scenes";
import type { Shortcuts } from "./shortcuts";
import type { Toasts } from "./toast";
import { Histograms } from "./transfer/histograms";

/** What the page is made of besides the scene. */
export interface Frame {
  layout: Layout;
  toasts: Toasts;
  shortcuts: Shortcuts;
  progress: Progress;
}

const LOST = [
  "The picture is gone for a moment",
  "The graphics driver has dropped it, as it may after sleep or under load. It comes back by itself; nothing is lost.",
] as const;

const ARRIVING = [
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

/** Shows a scene as its data arrive, and other scenes in its place. */
export class Viewer {
  store!: Store;
  scenes!: SceneStore;
  renderer!: Renderer;
  slices!: Slices;
  relighter!: Relighter;
  /** Whether at least a part of a scene can be seen. */
  hasPicture = false;
  private showing = 0;

  constructor(private readonly frame: Frame) {}

  /** Show the scene of a blob; the camera and what the person chose stay as they are. */
  async showScene(stream: ReadableStream<Uint8Array>): Promise<void> {
    const { header, sections } = await openBlob(stream);
    if (header.kind !== "gaussians") throw new BlobError("Where the scene should be, there is something else.");
    if (!this.store) await laidOut(this.frame.layout.stage);
    const turn = ++this.showing;
    if (this.store) this.replace(header);
    else this.start(header);
    document.title = `${header.title} – tomosplat`;
    this.renderer.setScene(header);
    this.relighter.setScene(header);
    const histograms = Histograms.ofScene(header);
    let here = 0;
    for await (const { name, bytes } of sections) {
      if (turn !== this.showing) return;
      if (name === "errors") {
        this.renderer.setErrors(bytes);
        continue;
      }
      const words = joinPlanes(bytes);
      this.relighter.addChunk(here, words);
      this.renderer.addChunk(here++, words);
      histograms.addRecords(words);
      this.hasPicture = true;
      this.frame.progress.loaded(here < header.chunks.length ? here / header.chunks.length : null);
    }
    // A scan that is there already tells more than its Gaussians do.
    if (!this.scenes.state.volume) this.scenes.set({ histograms });
    this.renderer.idle().then(() => this.relighter.prepare());
  }

  /** Show the scan of a blob on slices and cut faces. */
  async showVolume(stream: ReadableStream<Uint8Array>): Promise<void> {
    const volume = await readVolume(await openBlob(stream));
    this.renderer.setVolume(volume);
    this.slices.show({ volume, organs: this.scenes.state.header.organs });
    this.scenes.set({ volume, histograms: Histograms.ofVolume(volume, this.scenes.state.header) });
  }

  /** Say why there is no picture. */
  fail(title: string, text: string): () => void {
    this.frame.progress.rest();
    this.frame.progress.loaded(null);
    return showFailure(this.frame.layout.stage, title, text, () => location.reload());
  }

  private start(header: SceneHeader): void {
    const { layout } = this.frame;
    this.renderer = new Renderer(layout.canvas);
    this.renderer.onContextLost = () => {
      this.renderer.onContextRestored = showFailure(layout.stage, ...LOST);
    };
    layout.begin();
    const { clientWidth, clientHeight } = layout.stage;
    this.relighter = new Relighter((light) => this.renderer.setIllumination(light));
    this.store = new Store(initialState(header, clientWidth / clientHeight));
    this.scenes = new Store<SceneState>({ header, histograms: Histograms.ofScene(header), volume: null });
    this.slices = mountSlices(layout.slices, this.store, layout);
    mountPage(this.frame, this);
    this.renderer.apply(this.store.state);
    this.relighter.apply(this.store.state);
    this.store.on(ARRIVING, (state) => this.renderer.apply(state));
    this.store.on(LIGHT_KEYS, (state) => this.relighter.apply(state));
  }

  private replace(header: SceneHeader): void {
    this.store.set(carriedOver(this.store.state, this.scenes.state.header, header));
    this.scenes.set({ header });
    this.slices.show({ volume: this.scenes.state.volume, organs: header.organs });
  }
}

/** Wait until an element has a size: in a frame of a document that is still loading, nothing has. */
function laidOut(element: HTMLElement): Promise<void> {
  return new Promise((resolve) => {
    const observer = new ResizeObserver(() => {
      if (element.clientWidth * element.clientHeight === 0) return;
      observer.disconnect();
      resolve();
    });
    observer.observe(element);
  });
}
