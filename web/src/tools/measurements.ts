import type { Measurement, Store, Tool } from "../state";
import { dot, length, subtract, type Vec3 } from "../vectors";

const NEEDED: Record<Measurement["kind"], number> = { distance: 2, angle: 3 };

/** All its points are placed. */
export const isComplete = ({ kind, points }: Measurement): boolean => points.length === NEEDED[kind];

/** Millimetres from end to end, or degrees at the middle point between the two others; NaN while points are missing. */
export function measure(measurement: Measurement): number {
  if (!isComplete(measurement)) return Number.NaN;
  const [a, b, c] = measurement.points;
  if (measurement.kind === "distance") return length(subtract(b, a));
  const one = subtract(a, b);
  const other = subtract(c, b);
  const cosine = dot(one, other) / (length(one) * length(other));
  return (Math.acos(Math.min(Math.max(cosine, -1), 1)) * 180) / Math.PI;
}

/** The value with its unit, as far as it is worth reading; empty while points are missing or lie on each other. */
export function measureText(measurement: Measurement): string {
  const value = measure(measurement);
  if (Number.isNaN(value)) return "";
  return measurement.kind === "distance" ? `${value.toFixed(1)} mm` : `${value.toFixed(1)}°`;
}

/** The tools that place points where a person clicks. */
export const placesPoints = (tool: Tool): tool is "distance" | "angle" | "annotate" =>
  tool === "distance" || tool === "angle" || tool === "annotate";

/** Use the tool in hand at a point: begin or continue a measurement, or leave a note. */
export function placePoint(store: Store, point: Vec3): void {
  const { tool, measurements, annotations } = store.state;
  if (tool === "annotate") {
    store.set({ annotations: [...annotations, { point, text: `Note ${annotations.length + 1}` }] });
    return;
  }
  if (tool !== "distance" && tool !== "angle") return;
  const last = measurements.at(-1);
  const begun = last && !isComplete(last) && last.kind === tool;
  const next: Measurement = { kind: tool, points: begun ? [...last.points, point] : [point] };
  store.set({ measurements: [...finished(measurements), next] });
}

/** Move one point of a measurement. */
export function movePoint(store: Store, index: number, which: number, to: Vec3): void {
  const measurements = store.state.measurements.map((measurement, i) =>
    i === index ? { ...measurement, points: measurement.points.map((p, j) => (j === which ? to : p)) } : measurement,
  );
  store.set({ measurements });
}

export const removeAt = <T>(list: readonly T[], index: number): T[] => list.filter((_, i) => i !== index);

const finished = (list: readonly Measurement[]): Measurement[] => list.filter(isComplete);

/** Forget points placed of a measurement that was not finished. */
export function dropUnfinished(store: Store): void {
  const kept = finished(store.state.measurements);
  if (kept.length < store.state.measurements.length) store.set({ measurements: kept });
}
