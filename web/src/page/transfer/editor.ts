import { evaluate } from "../../scene/transfer";
import type { TransferPoints } from "../../scene/types";
import { percent } from "../controls";
import { drawing } from "../dom";
import { type Domain, heightOf, opacityAt, zoomedDomain } from "./axes";
import { HEIGHT, Plot, type Plotted, WIDTH } from "./plot";
import { added, hexOf, moved, removed } from "./points";

const KEY_HEIGHT = 0.01;

export interface EditorEvents {
  edit(points: TransferPoints): void;
  select(index: number): void;
  zoom(domain: Domain): void;
}

/** A transfer function under the hand: points are dragged, added by double click, removed by Delete, moved by keys. */
export class TransferEditor {
  readonly plot = new Plot();
  selected = 0;
  private readonly handles = drawing("g", { class: "handles" });
  private shown: Plotted = { points: [], domain: { low: 0, high: 1 }, scale: "linear" };

  constructor(
    private readonly events: EditorEvents,
    private readonly limits: () => Domain,
    private readonly unit: () => string,
  ) {
    const { root } = this.plot;
    root.append(this.handles);
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", "Transfer function: opacity over value");
    root.addEventListener("dblclick", (event) => this.add(event));
    root.addEventListener("wheel", (event) => this.zoom(event), { passive: false });
  }

  show(plotted: Plotted): void {
    this.shown = plotted;
    this.selected = Math.min(this.selected, plotted.points.length - 1);
    this.plot.draw(plotted);
    const { points } = plotted;
    // Handles stay what they are while they are dragged or hold the focus.
    while (this.handles.childElementCount < points.length)
      this.handles.append(this.handle(this.handles.childElementCount));
    while (this.handles.childElementCount > points.length) this.handles.lastElementChild!.remove();
    for (const [index, point] of points.entries()) this.place(this.handles.children[index], index, point);
  }

  private place(handle: Element, index: number, point: readonly number[]): void {
    const { domain, scale } = this.shown;
    const x = this.plot.x(point[0], domain);
    const outside = x < -1 || x > WIDTH + 1;
    handle.toggleAttribute("hidden", outside);
    handle.setAttribute("transform", `translate(${x.toFixed(2)} ${this.plot.y(point[4], scale).toFixed(2)})`);
    handle.lastElementChild!.setAttribute("fill", hexOf(point.slice(1, 4)));
    handle.classList.toggle("selected", index === this.selected);
    handle.setAttribute("aria-valuenow", String(point[0]));
    handle.setAttribute("aria-valuetext", `${Math.round(point[0])} ${this.unit()}, opacity ${percent(point[4])}`);
  }

  private handle(index: number): SVGGElement {
    const handle = drawing(
      "g",
      { class: "handle", tabindex: 0, role: "slider", "aria-label": `Point ${index + 1}` },
      drawing("circle", { class: "reach", r: 12 }),
      drawing("circle", { class: "dot", r: 5 }),
    );
    handle.addEventListener("focus", () => this.select(index));
    handle.addEventListener("keydown", (event) => this.press(event, index));
    handle.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      handle.focus();
      handle.setPointerCapture(event.pointerId);
    });
    handle.addEventListener("pointermove", (event) => {
      if (!handle.hasPointerCapture(event.pointerId)) return;
      const [value, opacity] = this.at(event);
      this.events.edit(moved(this.shown.points, index, Math.round(value * 10) / 10, opacity));
    });
    return handle;
  }

  private select(index: number): void {
    this.selected = index;
    for (const [each, handle] of [...this.handles.children].entries()) {
      handle.classList.toggle("selected", each === index);
    }
    this.events.select(index);
  }

  /** Value and opacity under the pointer. */
  private at(event: MouseEvent): [number, number] {
    const { domain, scale } = this.shown;
    const box = this.plot.root.getBoundingClientRect();
    const unit = WIDTH / box.width;
    const value = domain.low + (((event.clientX - box.left) * unit) / WIDTH) * (domain.high - domain.low);
    return [value, opacityAt(1 - ((event.clientY - box.top) * unit) / HEIGHT, scale)];
  }

  private add(event: MouseEvent): void {
    if ((event.target as Element).closest(".handle")) return;
    const [value, opacity] = this.at(event);
    const [red, green, blue] = evaluate(this.shown.points, value);
    const [points, index] = added(this.shown.points, Math.round(value), [red, green, blue], opacity);
    this.selected = index;
    this.events.edit(points);
    (this.handles.children[index] as SVGGElement).focus();
  }

  private zoom(event: WheelEvent): void {
    event.preventDefault();
    const [value] = this.at(event);
    this.events.zoom(zoomedDomain(this.shown.domain, value, Math.exp(event.deltaY * 0.002), this.limits()));
  }

  private press(event: KeyboardEvent, index: number): void {
    const { points, domain, scale } = this.shown;
    const [value, , , , opacity] = points[index];
    const step = ((domain.high - domain.low) / WIDTH) * (event.shiftKey ? 10 : 1);
    const lift = KEY_HEIGHT * (event.shiftKey ? 10 : 1);
    const move = (right: number, up: number) => {
      const height = heightOf(opacity, scale) + up;
      this.events.edit(moved(points, index, value + right, up === 0 ? opacity : opacityAt(height, scale)));
    };
    const keys: Record<string, () => void> = {
      ArrowLeft: () => move(-step, 0),
      ArrowRight: () => move(step, 0),
      ArrowUp: () => move(0, lift),
      ArrowDown: () => move(0, -lift),
      Delete: () => this.events.edit(removed(points, index)),
      Backspace: () => this.events.edit(removed(points, index)),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }
}
