import { dot, type Vec3 } from "../vectors";

/** The patient's three planes, as radiologists look at them. */
export type PlaneName = "axial" | "coronal" | "sagittal";

/** Unit vectors of a plane's picture, world RAS+: to its right, down it, and onward to the next slice. */
export interface PlaneAxes {
  right: Vec3;
  down: Vec3;
  onward: Vec3;
}

/** Axial is seen from the feet, coronal from the front, sagittal from the patient's left with the face to the left. */
export const PLANES: Record<PlaneName, PlaneAxes> = {
  axial: { right: [-1, 0, 0], down: [0, -1, 0], onward: [0, 0, -1] },
  coronal: { right: [-1, 0, 0], down: [0, 0, -1], onward: [0, -1, 0] },
  sagittal: { right: [0, -1, 0], down: [0, 0, -1], onward: [-1, 0, 0] },
};

export const PLANE_NAMES = Object.keys(PLANES) as PlaneName[];

/** A point in a plane's picture: mm to the right and down from the world's origin. */
export type PlanePoint = readonly [number, number];

/** Where a world point falls in the plane's picture. */
export const flatten = (axes: PlaneAxes, p: Vec3): PlanePoint => [dot(axes.right, p), dot(axes.down, p)];

/** The world point at a place in the picture, as far along the plane's normal as `through`. */
export function unflatten(axes: PlaneAxes, [u, v]: PlanePoint, through: Vec3): Vec3 {
  const w = dot(axes.onward, through);
  const along = (i: 0 | 1 | 2) => u * axes.right[i] + v * axes.down[i] + w * axes.onward[i];
  return [along(0), along(1), along(2)];
}

/** How far a point lies beyond the plane through another, mm along onward. */
export const beyond = (axes: PlaneAxes, p: Vec3, through: Vec3): number =>
  dot(axes.onward, p) - dot(axes.onward, through);

const LETTERS = [
  ["R", "L"],
  ["A", "P"],
  ["S", "I"],
] as const;

/** The patient's side a direction points to: R, L, A, P, S, I, or two or three of them, strongest first. */
export function sideLetters(direction: Vec3): string {
  const size = Math.hypot(...direction);
  return [0, 1, 2]
    .filter((axis) => Math.abs(direction[axis]) > 0.3 * size)
    .sort((a, b) => Math.abs(direction[b]) - Math.abs(direction[a]))
    .map((axis) => LETTERS[axis][direction[axis] > 0 ? 0 : 1])
    .join("");
}

/** A position for people: "R 12.3  P 40.0  S 101.5", mm. */
export function positionText(p: Vec3): string {
  return LETTERS.map(([positive, negative], axis) => {
    const shown = Math.abs(p[axis]).toFixed(1);
    return `${p[axis] >= 0 ? positive : negative} ${shown}`;
  }).join("  ");
}
