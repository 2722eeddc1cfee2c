import "./slices.css";
import { choice, textButton } from "../page/controls";
import { element } from "../page/dom";
import { organTitle } from "../page/organs/names";
import type { Organ, VolumeData } from "../scene/types";
import type { Store } from "../state";
import type { Projection } from "../tools/marks";
import { Layer, type View3D } from "../tools/view3d";
import type { Vec3 } from "../vectors";
import { type PlacedVolume, placeVolume } from "./grid";
import { sliceOutlines } from "./outlines";
import type { LabelStyle } from "./painting";
import { Pane } from "./pane";
import { PLANE_NAMES, type PlaneName } from "./planes";
import { Readout, sampleText } from "./readout";
import { samplePoint } from "./sampling";
import { steer } from "./steering";
import { tintsOf } from "./tints";
import { WindowChoice } from "./windows";

const LABEL_STYLES = [
  ["contours", "Contours"],
  ["fill", "Filled"],
  ["none", "None"],
] as const satisfies readonly (readonly [LabelStyle, string])[];

const ABSENT =
  "Slices were not included in this file. Export the scene again with its scan, or open the scan with “tomosplat view”.";

/** What is sliced; the volume is null where the scene came without one. */
export interface SliceSource {
  volume: VolumeData | null;
  organs: readonly Organ[];
}

/** Three linked slices through the store's crosshair. */
export class Slices {
  readonly panes: Record<PlaneName, Pane>;
  private readonly root: HTMLElement;
  private readonly readout = new Readout();
  private readonly windows: WindowChoice;
  private volume: PlacedVolume | null = null;
  private organs: ReadonlyMap<number, string> = new Map();
  private style: LabelStyle = "contours";
  private outlined = true;
  private hovered: Vec3 | null = null;
  private maximised: PlaneName | null = null;
  private frame: Promise<void> | null = null;

  constructor(
    parent: HTMLElement,
    private readonly store: Store,
    view: Pick<View3D, "canvas" | "overlay">,
  ) {
    this.windows = new WindowChoice(store);
    const [labels, select] = choice("Overlay", LABEL_STYLES, (style) => {
      this.style = style as LabelStyle;
      this.redraw();
    });
    select.value = this.style;
    this.panes = Object.fromEntries(PLANE_NAMES.map((name) => [name, this.pane(name)])) as Record<PlaneName, Pane>;
    const area = element("div", { class: "slice-panes" }, ...PLANE_NAMES.map((name) => this.panes[name].root));
    const outlines = new Layer(view, store, ["crosshair", "slices"], (project) => this.outlines(project));
    const inView = textButton("3D", () => {
      this.outlined = !this.outlined;
      inView.setAttribute("aria-pressed", String(this.outlined));
      outlines.redraw();
    });
    inView.title = "Frames of the slices in the 3D view";
    inView.setAttribute("aria-label", inView.title);
    inView.setAttribute("aria-pressed", String(this.outlined));
    const bar = element("div", { class: "slice-bar" }, this.windows.root, labels, inView);
    const absent = element("p", { class: "slice-absent" }, ABSENT);
    this.root = element("div", { class: "slice-view" }, bar, area, this.readout.root, absent);
    parent.append(this.root);
    this.root.addEventListener("keydown", () => this.readout.speak(true));
    this.root.addEventListener("pointermove", () => this.readout.speak(false));
    store.on(["crosshair", "window", "visible", "measurements", "annotations", "slices"], () => this.redraw());
    new ResizeObserver(() => this.redraw()).observe(area);
    this.show({ volume: null, organs: [] });
  }

  /** Show another scan, or none. */
  show({ volume, organs }: SliceSource): void {
    this.organs = new Map(organs.map(({ id, name }) => [id, organTitle(name)]));
    if (volume !== (this.volume?.data ?? null)) {
      this.volume = volume && placeVolume(volume);
      for (const pane of Object.values(this.panes)) pane.setVolume(this.volume);
      this.windows.suit(volume);
    }
    this.root.classList.toggle("without-volume", !volume);
    this.redraw();
  }

  /** Enlarge one pane over the others, or show all three again. */
  maximise(name: PlaneName | null): void {
    this.maximised = name;
    this.root.classList.toggle("maximised", name !== null);
    for (const pane of Object.values(this.panes)) pane.showMaximised(pane.name === name);
    this.redraw();
  }

  /** Resolves when what was changed so far is drawn. */
  drawn(): Promise<void> {
    return this.frame ?? Promise.resolve();
  }

  private pane(name: PlaneName): Pane {
    const maximise = () => this.maximise(this.maximised === name ? null : name);
    const pane = new Pane(name, maximise);
    const hover = (p: Vec3 | null) => {
      this.hovered = p;
      this.tell();
    };
    steer(pane, this.store, { maximise, hover, redraw: () => this.redraw() });
    return pane;
  }

  /** Draw with the next frame, once for however many changes there are until then. */
  private redraw(): void {
    this.frame ??= new Promise((done) =>
      requestAnimationFrame(() => {
        this.frame = null;
        this.draw();
        done();
      }),
    );
  }

  private draw(): void {
    const { state } = this.store;
    const look = { style: this.style, tints: tintsOf(state.visible) };
    for (const pane of Object.values(this.panes)) pane.draw(state, look);
    this.tell();
  }

  private outlines(project: Projection): SVGElement[] {
    const { slices, crosshair } = this.store.state;
    return this.volume && slices && this.outlined ? sliceOutlines(this.volume.grid.box, crosshair, project) : [];
  }

  private tell(): void {
    if (!this.volume) return;
    const p = this.hovered ?? this.store.state.crosshair;
    this.readout.show(p, sampleText(samplePoint(this.volume, p), this.volume.data.header.unit, this.organs));
  }
}

/** Put the slice panes into a part of the page; give them the scan by `show`. */
export const mountSlices = (parent: HTMLElement, store: Store, view: Pick<View3D, "canvas" | "overlay">): Slices =>
  new Slices(parent, store, view);
