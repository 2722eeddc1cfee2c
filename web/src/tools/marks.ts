import "./marks.css";
import { drawing } from "../page/dom";
import type { Measurement } from "../state";
import { add, length, normalize, scale, subtract, type Vec3 } from "../vectors";
import { measureText } from "./measurements";

/** CSS pixels in a drawing. */
export type Place = readonly [number, number];
/** Where a world point is drawn; null where it cannot be seen. */
export type Projection = (p: Vec3) => Place | null;

/** A line between two world points, if both can be drawn. */
export function line(project: Projection, a: Vec3, b: Vec3, attributes: Record<string, string>): SVGLineElement | null {
  const from = project(a);
  const to = project(b);
  if (!from || !to) return null;
  return drawing("line", { x1: from[0], y1: from[1], x2: to[0], y2: to[1], ...attributes });
}

/** Words at a place, readable on anything. */
export const label = ([x, y]: Place, text: string, kind: string): SVGTextElement =>
  drawing("text", { x, y, class: `mark-label ${kind}` }, text);

/** Lines, grips and value of a measurement; `index` is its place in the list. */
export function measurementMark(measurement: Measurement, index: number, project: Projection): SVGGElement {
  const group = drawing("g", { class: `mark mark-${measurement.kind}` });
  const { points } = measurement;
  for (let i = 1; i < points.length; i++) {
    // A dark line under the bright one, so that it shows on bone and on air.
    for (const kind of ["mark-halo", "mark-line"]) {
      const segment = line(project, points[i - 1], points[i], { class: kind });
      if (segment) group.append(segment);
    }
  }
  if (measurement.kind === "angle" && points.length === 3) group.append(arc(points, project));
  points.forEach((point, which) => {
    const at = project(point);
    if (at) group.append(grip(at, index, which));
  });
  const text = measureText(measurement);
  const at = text ? valuePlace(measurement, project, 1) : null;
  if (at) group.append(label(at, text, "mark-value"));
  return group;
}

/** Where a measurement's value is written, its left end and base line: beside the line, or outside the angle. */
export function valuePlace({ kind, points }: Measurement, project: Projection, unit: number): Place | null {
  const places = points.map(project);
  if (places.some((place) => place === null)) return null;
  const [a, b, c] = places as Place[];
  if (kind === "angle") {
    const across = (a[0] + c[0]) / 2 > b[0] ? -62 : 14;
    const down = (a[1] + c[1]) / 2 > b[1] ? -8 : 20;
    return [b[0] + across * unit, b[1] + down * unit];
  }
  // Of the two sides of a line, the right one is above it where it falls, below where it rises.
  const falls = (b[0] - a[0]) * (b[1] - a[1]) >= 0;
  return [(a[0] + b[0]) / 2 + 8 * unit, (a[1] + b[1]) / 2 + (falls ? -8 : 18) * unit];
}

function grip([x, y]: Place, index: number, which: number): SVGGElement {
  const data = { "data-measurement": index, "data-point": which };
  // The wide ring cannot be seen; it is there for fingers.
  const ring = drawing("circle", { cx: x, cy: y, r: 12, class: "handle", ...data });
  return drawing("g", {}, ring, drawing("circle", { cx: x, cy: y, r: 4, class: "mark-point" }));
}

function arc([a, b, c]: readonly Vec3[], project: Projection): SVGPolylineElement {
  const one = subtract(a, b);
  const other = subtract(c, b);
  const radius = 0.3 * Math.min(length(one), length(other));
  const places: string[] = [];
  const steps = 16;
  for (let i = 0; i <= steps && radius > 0; i++) {
    const blend = add(scale(normalize(one), 1 - i / steps), scale(normalize(other), i / steps));
    const size = length(blend);
    const at = size > 1e-6 ? project(add(b, scale(blend, radius / size))) : null;
    if (at) places.push(at.join(","));
  }
  return drawing("polyline", { points: places.join(" "), class: "mark-line mark-arc" });
}

/** Report where a grip is dragged to; the drawing may be made anew meanwhile. */
export function grabHandles(
  root: SVGSVGElement,
  dragged: (measurement: number, point: number, at: Place) => void,
): void {
  let held: { pointer: number; measurement: number; point: number } | null = null;
  root.addEventListener("pointerdown", (event) => {
    const handle = event.target instanceof Element ? event.target.closest<SVGElement>(".handle") : null;
    if (!handle || event.button !== 0) return;
    event.stopPropagation();
    root.setPointerCapture(event.pointerId);
    const { measurement, point } = handle.dataset;
    held = { pointer: event.pointerId, measurement: Number(measurement), point: Number(point) };
  });
  root.addEventListener("pointermove", (event) => {
    if (held?.pointer !== event.pointerId) return;
    const box = root.getBoundingClientRect();
    dragged(held.measurement, held.point, [event.clientX - box.left, event.clientY - box.top]);
  });
  const release = (event: PointerEvent) => {
    if (held?.pointer === event.pointerId) held = null;
  };
  root.addEventListener("pointerup", release);
  root.addEventListener("pointercancel", release);
}
