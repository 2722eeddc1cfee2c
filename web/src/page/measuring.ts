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
import { section } from "./controls";
import { element } from "./dom";
import { icon } from "./icons";
import { List, listRow } from "./lists";

/** Measure in the 3D view: clicks place points, points can be dragged, and a panel lists what was measured. */
export function mountMeasuring(panel: HTMLElement, view: View3D, store: Store): void {
  const list = new List(
    "Measurements",
    "Choose Distance or Angle above the picture, then click on the body or on a slice.",
  );
  panel.append(section("Measurements", list.root));
  const tell = () => list.show(store.state.measurements.map((measurement, index) => row(store, measurement, index)));
  store.on(["measurements"], tell);
  store.on(["tool"], () => dropUnfinished(store));
  tell();

  new Layer(view, store, ["measurements", "tool"], (project) => [
    ...store.state.measurements.map((measurement, index) => measurementMark(measurement, index, project)),
    hint(store, view.canvas),
  ]).redraw();
  const place = newest(async ([x, y]: Place) => {
    const picked = await view.renderer.pick(x, y);
    if (picked) placePoint(store, picked.point);
  });
  view.canvas.addEventListener("click", ({ offsetX, offsetY }) => {
    if (placesPoints(store.state.tool)) place([offsetX, offsetY]);
  });
  const drag = newest(async ([measurement, which, [x, y]]: [number, number, Place]) => {
    const picked = await view.renderer.pick(x, y);
    if (picked && store.state.measurements[measurement]?.points[which])
      movePoint(store, measurement, which, picked.point);
  });
  grabHandles(view.overlay, (measurement, which, at) => drag([measurement, which, at]));
}

function row(store: Store, measurement: Measurement, index: number): HTMLLIElement {
  const { kind, points } = measurement;
  const text = isComplete(measurement) ? measureText(measurement) : "click the next point";
  const look = element(
    "button",
    {
      type: "button",
      class: "list-main",
      title: `Show in the slices: ${positionText(points[0])} mm`,
      onclick: () => store.set({ crosshair: points[kind === "angle" && points[1] ? 1 : 0] }),
    },
    icon(kind),
    element("span", { class: "list-value" }, text),
  );
  const remove = () => store.set({ measurements: removeAt(store.state.measurements, index) });
  return listRow(`${kind} ${text}`, remove, look);
}

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
