import type { TransferFunctions, TransferPoints } from "./types";

/** Opacity is the light lost over this many mm, and capped so that extinction stays finite. */
const OPACITY_LENGTH_MM = 1.5;
const MAX_OPACITY = 0.999;

/** Red, green, blue (not multiplied by opacity) and opacity at a value; as Python's `TransferFunction.__call__`. */
export function evaluate(points: TransferPoints, value: number): [number, number, number, number] {
  const j = segment(points, value);
  const opacity = along(points, j, value, (p) => p[4]);
  const channel = (c: number) =>
    opacity > 0 ? along(points, j, value, (p) => p[c] * p[4]) / opacity : along(points, j, value, (p) => p[c]);
  // Rounding may leave the range by one bit.
  const clamped = (c: number) => Math.min(Math.max(channel(c), 0), 1);
  return [clamped(1), clamped(2), clamped(3), opacity];
}

/** Extinction in 1/mm of opacity per 1.5 mm. */
export function extinction(opacity: number): number {
  return -Math.log1p(-Math.min(opacity, MAX_OPACITY)) / OPACITY_LENGTH_MM;
}

/** Extinction, red, green, blue at `steps` even values from `low` to `high`, row by row for the groups 0..rows − 1. */
export function transferTable(
  functions: TransferFunctions,
  rows: number,
  low: number,
  high: number,
  steps: number,
): Float32Array<ArrayBuffer> {
  const table = new Float32Array(rows * steps * 4);
  for (let group = 0; group < rows; group++) {
    const points = functions.groups[group];
    if (!points) continue; // a group without a function is invisible
    for (let i = 0; i < steps; i++) {
      const [red, green, blue, opacity] = evaluate(points, low + ((high - low) * i) / (steps - 1));
      table.set([extinction(opacity), red, green, blue], (group * steps + i) * 4);
    }
  }
  return table;
}

/** Index of the last point at or below the value, −1 before the first. */
function segment(points: TransferPoints, value: number): number {
  let j = points.length - 1;
  while (j >= 0 && points[j][0] > value) j--;
  return j;
}

function along(points: TransferPoints, j: number, value: number, of: (point: number[]) => number): number {
  if (j < 0) return of(points[0]);
  const low = points[j];
  if (j === points.length - 1 || low[0] === value) return of(low);
  const high = points[j + 1];
  return ((of(high) - of(low)) / (high[0] - low[0])) * (value - low[0]) + of(low);
}
