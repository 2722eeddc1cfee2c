import { iconButton } from "../page/controls";
import { drawing, element } from "../page/dom";
import type { ViewState } from "../state";
import type { Place } from "../tools/marks";
import { scale, type Vec3 } from "../vectors";
import { type Framing, frameGrid, panned, type Size, toPane, toPlane, zoomed } from "./framing";
import type { PlacedVolume } from "./grid";
import { sliceMarks } from "./overlay";
import { type LabelStyle, paint, type Tints } from "./painting";
import { flatten, PLANES, type PlaneAxes, type PlaneName, positionText, unflatten } from "./planes";
import { type Raster, type Sampled, samplePlane } from "./sampling";

/** Beyond this many pixels a slice is sampled more coarsely and enlarged by the browser, so that it stays quick. */
const MOST_PIXELS = 1.2e6;

/** How labels are shown in all panes. */
export interface Look {
  style: LabelStyle;
  tints: Tints;
}

/** One slice through the crosshair: a canvas, and marks over it. */
export class Pane {
  readonly root: HTMLElement;
  readonly canvas = element("canvas", { "aria-hidden": "true" });
  readonly marks = drawing("svg", { class: "slice-marks", "aria-hidden": "true" });
  readonly axes: PlaneAxes;
  private readonly button: HTMLButtonElement;
  private volume: PlacedVolume | null = null;
  /** What was drawn last. */
  private framing: Framing | null = null;
  /** Nobody has zoomed or moved it: the whole volume is shown, whatever the pane's size. */
  private whole = true;
  private crosshair: Vec3 = [0, 0, 0];
  private sampled: Sampled | null = null;
  private sampledRaster = "";
  private image: ImageData | null = null;

  constructor(
    readonly name: PlaneName,
    maximise: () => void,
  ) {
    this.axes = PLANES[name];
    this.button = iconButton("enlarge", `Enlarge the ${name} slice`, maximise, "Enter");
    this.root = element(
      "section",
      { class: `slice-pane ${name}`, tabindex: 0, role: "application", "aria-roledescription": "slice" },
      this.canvas,
      this.marks,
      element("span", { class: "slice-title", "aria-hidden": "true" }, name),
      this.button,
    );
  }

  setVolume(volume: PlacedVolume | null): void {
    this.volume = volume;
    this.sampledRaster = "";
    this.fit();
  }

  showMaximised(on: boolean): void {
    this.root.classList.toggle("maximised", on);
    this.button.setAttribute("aria-pressed", String(on));
  }

  /** Draw the slice of this state; cheap where only the window or the marks are new. */
  draw(state: ViewState, look: Look): void {
    const size = this.size();
    if (!this.volume || size.width < 2 || size.height < 2) return;
    const framing = this.follow(
      this.framing && !this.whole ? this.framing : this.wholeFraming(size),
      size,
      state.crosshair,
    );
    this.framing = framing;
    const ratio = Math.min(devicePixelRatio, Math.sqrt(MOST_PIXELS / (size.width * size.height)));
    this.sample(this.raster(framing, size, ratio, state.crosshair));
    this.paint(state, look, ratio);
    const view = { name: this.name, framing, size, step: this.step() };
    this.marks.replaceChildren(...sliceMarks(view, state));
    this.root.setAttribute("aria-label", `${this.name} slice through ${positionText(state.crosshair)} mm`);
  }

  /** The world point at a place in the pane, in its slice; null before anything is drawn. */
  worldAt(at: Place): Vec3 | null {
    return this.framing && unflatten(this.axes, toPlane(this.framing, this.size(), at), this.crosshair);
  }

  /** Where a world point falls in the pane; null before anything is drawn. */
  placeOf(p: Vec3): Place | null {
    return this.framing && toPane(this.framing, this.size(), flatten(this.axes, p));
  }

  /** From slice to slice, mm. */
  step(along: Vec3 = this.axes.onward): number {
    return this.volume?.grid.step(along) ?? 1;
  }

  pan(right: number, down: number): void {
    if (this.framing) this.framing = panned(this.framing, right, down);
    this.whole = false;
  }

  zoom(factor: number, at: Place): void {
    const size = this.size();
    if (this.framing) this.framing = zoomed(this.framing, this.wholeFraming(size).scale, size, factor, at);
    this.whole = false;
  }

  /** Show the whole volume. */
  fit(): void {
    this.whole = true;
  }

  size(): Size {
    return { width: this.root.clientWidth, height: this.root.clientHeight };
  }

  private wholeFraming(size: Size): Framing {
    return frameGrid(this.volume!.grid, this.axes, size);
  }

  /** Move on as far as a crosshair needs that jumped out of sight of a pane that is zoomed in. */
  private follow(framing: Framing, size: Size, crosshair: Vec3): Framing {
    if (crosshair === this.crosshair) return framing;
    this.crosshair = crosshair;
    const [x, y] = toPane(framing, size, flatten(this.axes, crosshair));
    const seen = x >= 0 && x <= size.width && y >= 0 && y <= size.height;
    return seen || !this.volume!.grid.contains(crosshair)
      ? framing
      : { ...framing, center: flatten(this.axes, crosshair) };
  }

  private raster(framing: Framing, size: Size, ratio: number, through: Vec3): Raster {
    return {
      width: Math.max(1, Math.round(size.width * ratio)),
      height: Math.max(1, Math.round(size.height * ratio)),
      origin: unflatten(this.axes, toPlane(framing, size, [0.5 / ratio, 0.5 / ratio]), through),
      right: scale(this.axes.right, framing.scale / ratio),
      down: scale(this.axes.down, framing.scale / ratio),
    };
  }

  private sample(raster: Raster): void {
    const key = JSON.stringify(raster);
    if (key === this.sampledRaster) return;
    this.sampled = samplePlane(this.volume!, raster, this.sampled);
    this.sampledRaster = key;
  }

  private paint(state: ViewState, { style, tints }: Look, ratio: number): void {
    const { width, height } = this.sampled!;
    if (this.image?.width !== width || this.image.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.image = new ImageData(width, height);
    }
    paint(this.sampled!, state.window, style, tints, Math.max(1, Math.round(ratio)), this.image);
    this.canvas.getContext("2d")!.putImageData(this.image, 0, 0);
  }
}
