import type { TransferFunctions, TransferPoints } from "../../scene/types";

export type Rgb = readonly [number, number, number];

/** The points with some of them, from `index` on, replaced by others. */
const spliced = (points: TransferPoints, index: number, remove: number, ...others: TransferPoints): TransferPoints => [
  ...points.slice(0, index),
  ...others,
  ...points.slice(index + remove),
];

const between = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

/** Move a point; it stays between its neighbours. */
export function moved(points: TransferPoints, index: number, value: number, opacity: number): TransferPoints {
  const low = points[index - 1]?.[0] ?? Number.NEGATIVE_INFINITY;
  const high = points[index + 1]?.[0] ?? Number.POSITIVE_INFINITY;
  const [, red, green, blue] = points[index];
  return spliced(points, index, 1, [between(value, low, high), red, green, blue, between(opacity, 0, 1)]);
}

export function coloured(points: TransferPoints, index: number, rgb: Rgb): TransferPoints {
  return spliced(points, index, 1, [points[index][0], ...rgb, points[index][4]]);
}

/** Add a point; returns where it stands. */
export function added(points: TransferPoints, value: number, rgb: Rgb, opacity: number): [TransferPoints, number] {
  const after = points.findIndex((point) => point[0] > value);
  const index = after < 0 ? points.length : after;
  return [spliced(points, index, 0, [value, ...rgb, between(opacity, 0, 1)]), index];
}

/** Remove a point, unless it is the last. */
export function removed(points: TransferPoints, index: number): TransferPoints {
  return points.length > 1 ? spliced(points, index, 1) : points;
}

const EDITED = ", edited";

/** The functions with another for one group. */
export function withGroup(functions: TransferFunctions, group: number, points: TransferPoints): TransferFunctions {
  const name = functions.name.endsWith(EDITED) ? functions.name : functions.name + EDITED;
  return { ...functions, name, groups: { ...functions.groups, [group]: points } };
}

const byte = (part: number): string =>
  Math.round(part * 255)
    .toString(16)
    .padStart(2, "0");
/** sRGB in 0..1 as CSS writes it: "#8c6446". */
export const hexOf = (rgb: readonly number[]): string => `#${byte(rgb[0])}${byte(rgb[1])}${byte(rgb[2])}`;
export const rgbOf = (hex: string): Rgb =>
  [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255) as unknown as Rgb;
