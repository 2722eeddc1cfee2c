import "./tools.css";
import { positionText } from "../slices/planes";
import type { Measurement, Store } from "../state";
import { grabHandles, label, measurementMark, type Place } from "../tools/marks";
import {
  dropUnfinished,
  isComplete,
  measureText,
  movePoint,
  placePoint,
  placesPoints,
  removeAt,
} from "../tools/measurements";
import { Layer, newest, type View3D } from "../tools/view3d";
import type { Vec3 } from "../vectors";
import { section } from "./controls";
import { element } from "./dom";
import { icon } from "./icons";
import { List, type Row, row } from "./lists";

/** Measure in the 3D view: clicks place points, points can be dragged, and a panel lists what was measured. */
export function mountMeasuring(panel: HTMLElement, view: View3D, store: Store): void {
  const list = new List(
    "Measurements",
    "Choose Distance or Angle above the picture, then click on the body or on a slice.",
    (index) => measurementRow(store, index),
  );
  panel.append(section("Measurements", list.root));
  const tell = () => list.show(store.state.measurements.length);
  store.on(["measurements"], tell);
  store.on(["tool"], () => dropUnfinished(store));
  tell();

  new Layer(view, store, ["measurements", "tool"], (project) => [
    ...store.state.measurements.map((measurement, index) => measurementMark(measurement, index, project)),
    hint(store, view.canvas),
  ]).redraw();
  // One after the other: points stand in the order of their clicks, however long each takes to be found.
  let placed = Promise.resolve();
  const place = async ([x, y]: Place) => {
    const picked = await view.renderer.pick(x, y);
    if (picked) placePoint(store, picked.point);
  };
  view.canvas.addEventListener("click", ({ offsetX, offsetY }) => {
    if (placesPoints(store.state.tool)) placed = placed.then(() => place([offsetX, offsetY]));
  });
  const drag = newest(async ([measurement, which, [x, y]]: [number, number, Place]) => {
    const picked = await view.renderer.pick(x, y);
    if (picked && store.state.measurements[measurement]?.points[which])
      movePoint(store, measurement, which, picked.point);
  });
  grabHandles(view.overlay, (measurement, which, at) => drag([measurement, which, at]));
}

function measurementRow(store: Store, index: number): Row {
  const own = () => store.state.measurements[index];
  const text = () => (isComplete(own()) ? measureText(own()) : "click the next point");
  const value = element("span", { class: "list-value" });
  const symbol = element("span", { class: "list-icon" });
  const main = element("button", { type: "button", class: "list-main" }, symbol, value);
  main.addEventListener("click", () => store.set({ crosshair: mainPoint(own()) }));
  const remove = () => store.set({ measurements: removeAt(store.state.measurements, index) });
  const show = () => {
    value.textContent = text();
    symbol.replaceChildren(icon(own().kind));
    main.title = `Show in the slices: ${positionText(mainPoint(own()))} mm`;
  };
  return row(() => `${own().kind} ${text()}`, remove, show, main);
}

/** Where to look for it: the corner of an angle, the beginning of a distance. */
const mainPoint = ({ kind, points }: Measurement): Vec3 => (kind === "angle" && points[1]) || points[0];

/** What to click next, over the picture. */
function hint(
  { state: { tool, measurements } }: Store,
  { clientWidth, clientHeight }: HTMLCanvasElement,
): SVGElement | null {
  const last = measurements.at(-1);
  const placed = last && !isComplete(last) ? last.points.length : 0;
  const hints: Partial<Record<typeof tool, readonly string[]>> = {
    distance: ["Click where the distance begins", "Click where it ends"],
    angle: ["Click a point on the first side", "Click the corner of the angle", "Click a point on the second side"],
    annotate: ["Click where the note belongs"],
  };
  const text = hints[tool]?.[placed];
  return text ? label([clientWidth / 2, clientHeight - 24], text, "mark-hint") : null;
}
