import type { ClipPlane } from "../../state";
import { dot, normalize, scale, type Vec3 } from "../../vectors";
import { millimetres } from "../controls";

export type Axis = "sagittal" | "coronal" | "axial" | "free";
type Box = readonly [Vec3, Vec3];

/** Standard axes as normals that point where tissue stays before anyone flips the plane. */
const NORMALS: Record<Exclude<Axis, "free">, Vec3> = { sagittal: [1, 0, 0], coronal: [0, 1, 0], axial: [0, 0, 1] };
const ALIGNED = 0.999999;

/** The axis that a plane is perpendicular to; free where it is none. */
export function axisOf({ normal }: ClipPlane): Axis {
  const index = normal.findIndex((part) => Math.abs(part) > ALIGNED);
  return (["sagittal", "coronal", "axial"] as const)[index] ?? "free";
}

/** Whether what lies behind the axis' positive direction is what stays. */
export const isFlipped = ({ normal }: ClipPlane): boolean => dot(normal, [1, 1, 1]) < 0;

const facing = (plane: ClipPlane): Vec3 => (isFlipped(plane) ? scale(plane.normal, -1) : plane.normal);

/** Where the plane stands along its own axis, mm; the same number whichever side stays. */
export function positionOf(plane: ClipPlane): number {
  return isFlipped(plane) ? plane.offset : -plane.offset;
}

export function placed(plane: ClipPlane, position: number): ClipPlane {
  return { ...plane, offset: isFlipped(plane) ? position : -position };
}

export const flipped = ({ normal, offset }: ClipPlane): ClipPlane => ({ normal: scale(normal, -1), offset: -offset });

const SIDES = { sagittal: ["R", "L"], coronal: ["A", "P"], axial: ["S", "I"] } as const;

/** A position along an axis for people: by the patient's side where the axis is the patient's, "P 12.5 mm". */
export function positionName(axis: Axis, position: number): string {
  if (axis === "free") return millimetres(position);
  return `${SIDES[axis][position < 0 ? 1 : 0]} ${millimetres(Math.abs(position))}`;
}

/** Positions between which the plane meets a box. */
export function reach(plane: ClipPlane, box: Box): [number, number] {
  const normal = facing(plane);
  const along = normal.map((part, axis) => [part * box[0][axis], part * box[1][axis]].sort((a, b) => a - b));
  return [along.reduce((sum, pair) => sum + pair[0], 0), along.reduce((sum, pair) => sum + pair[1], 0)];
}

/** A plane through a point; along an axis, what is in front of it, to its left or above it goes. */
export function planeThrough(point: Vec3, normal: Vec3): ClipPlane {
  const unit = normalize(normal);
  return { normal: unit, offset: -dot(unit, point) };
}

export function standardPlane(axis: Exclude<Axis, "free">, point: Vec3): ClipPlane {
  return planeThrough(point, axis === "sagittal" ? NORMALS[axis] : scale(NORMALS[axis], -1));
}

/** Angles of a normal as a camera's: degrees of azimuth and elevation of the side that stays. */
export function anglesOf({ normal }: ClipPlane): { azimuth: number; elevation: number } {
  const degrees = 180 / Math.PI;
  return {
    azimuth: Math.atan2(-normal[0], normal[1]) * degrees,
    elevation: Math.asin(Math.min(Math.max(normal[2], -1), 1)) * degrees,
  };
}
