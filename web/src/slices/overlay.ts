import { drawing } from "../page/dom";
import type { ViewState } from "../state";
import { label, measurementMark, type Place } from "../tools/marks";
import { lengthText, roundLength } from "../tools/scalebar";
import { scale, type Vec3 } from "../vectors";
import { type Framing, type Size, toPane } from "./framing";
import { beyond, flatten, PLANES, type PlaneName, sideLetters } from "./planes";

/** What the drawing over a slice depends on. */
export interface SliceView {
  name: PlaneName;
  framing: Framing;
  size: Size;
  /** Slice to slice, mm: what lies within half of it is in the slice. */
  step: number;
}

/** The plane that the horizontal and the vertical line of a pane's crosshair stand for. */
const LINES: Record<PlaneName, readonly [PlaneName, PlaneName]> = {
  axial: ["coronal", "sagittal"],
  coronal: ["axial", "sagittal"],
  sagittal: ["axial", "coronal"],
};

const EDGE = 24;
const GAP = 10;

/** Crosshair, letters of the patient's sides, scale, measurements and notes of a slice. */
export function sliceMarks(view: SliceView, state: ViewState): SVGElement[] {
  return [
    ...crosshair(view, project(view, state.crosshair)),
    ...letters(view),
    scaleBar(view),
    ...measurements(view, state),
    ...notes(view, state),
  ];
}

const project = ({ name, framing, size }: SliceView, p: Vec3): Place => toPane(framing, size, flatten(PLANES[name], p));

function crosshair({ name, size: { width, height } }: SliceView, [x, y]: Place): SVGElement[] {
  const [across, along] = LINES[name];
  const rows = broken(x, width).map(([from, to]) => `M${from} ${y}H${to}`);
  const columns = broken(y, height).map(([from, to]) => `M${x} ${from}V${to}`);
  return [
    drawing("path", { d: rows.join(""), class: `crosshair ${across}` }),
    drawing("path", { d: columns.join(""), class: `crosshair ${along}` }),
  ];
}

/** The two halves of a line across a pane: what is pointed at and the letters at the edges stay free. */
function broken(at: number, end: number): [number, number][] {
  const halves: [number, number][] = [
    [EDGE, at - GAP],
    [at + GAP, end - EDGE],
  ];
  return halves.filter(([from, to]) => to > from);
}

function letters({ name, size: { width, height } }: SliceView): SVGElement[] {
  const { right, down } = PLANES[name];
  const edge = 12;
  return [
    label([edge, height / 2], sideLetters(scale(right, -1)), "side"),
    label([width - edge, height / 2], sideLetters(right), "side"),
    label([width / 2, edge + 4], sideLetters(scale(down, -1)), "side"),
    label([width / 2, height - edge + 2], sideLetters(down), "side"),
  ];
}

function scaleBar({ framing, size: { width, height } }: SliceView): SVGElement {
  const mm = roundLength(framing.scale * width * 0.3);
  const end = width - 12;
  const start = end - mm / framing.scale;
  const y = height - 10;
  const bar = drawing("path", { d: `M${start} ${y - 4}V${y}H${end}V${y - 4}`, class: "scale-bar" });
  return drawing("g", {}, bar, label([end, y - 8], lengthText(mm), "scale-text"));
}

function measurements(view: SliceView, { measurements: list, crosshair: through }: ViewState): SVGElement[] {
  return list.flatMap((measurement, index) => {
    const near = measurement.points.map((p) => isNear(view, p, through));
    if (!near.some(Boolean)) return [];
    const mark = measurementMark(measurement, index, (p) => project(view, p));
    // Part of it lies in other slices: what is seen is its shadow, shorter than its value says.
    if (!near.every(Boolean)) mark.classList.add("mark-oblique");
    return [mark];
  });
}

function notes(view: SliceView, { annotations, crosshair: through }: ViewState): SVGElement[] {
  return annotations
    .filter(({ point }) => isNear(view, point, through))
    .map(({ point, text }) => {
      const [x, y] = project(view, point);
      const dot = drawing("circle", { cx: x, cy: y, r: 4, class: "mark-point" });
      return drawing("g", { class: "mark mark-note" }, dot, label([x + 8, y - 6], text, "mark-value"));
    });
}

const isNear = ({ name, step }: SliceView, p: Vec3, through: Vec3): boolean =>
  Math.abs(beyond(PLANES[name], p, through)) <= Math.max(step, 1) * 0.75;
