import { orbitDirection, orbitRotation } from "../render/camera";
import type { Orbit } from "../state";
import { add, dot, length, scale, subtract, type Vec3 } from "../vectors";

export const FOV = 25;
const CLOSEST_MM = 5;
const FURTHEST_MM = 20_000;
const MARGIN = 1.04;

/** The six standard views in the order of their keys 1 to 6. */
export const STANDARD_VIEWS = [
  { name: "Anterior", letter: "A", azimuth: 0, elevation: 0 },
  { name: "Posterior", letter: "P", azimuth: 180, elevation: 0 },
  { name: "Left", letter: "L", azimuth: 90, elevation: 0 },
  { name: "Right", letter: "R", azimuth: 270, elevation: 0 },
  { name: "Cranial", letter: "S", azimuth: 0, elevation: 90 },
  { name: "Caudal", letter: "I", azimuth: 0, elevation: -90 },
] as const;

export type StandardView = (typeof STANDARD_VIEWS)[number];

const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

/** Turn about the target; elevation ends at the poles. */
export function turned(orbit: Orbit, azimuth: number, elevation: number): Orbit {
  return {
    ...orbit,
    azimuth: (((orbit.azimuth + azimuth) % 360) + 360) % 360,
    elevation: clamp(orbit.elevation + elevation, -90, 90),
  };
}

/** Millimetres of a pixel in the plane of the target. */
export function pixelSize(orbit: Orbit, height: number): number {
  return (2 * orbit.distance * Math.tan((orbit.fov * Math.PI) / 360)) / height;
}

/** Move by pixels, so that what lies in the plane of the target stays under the pointer. */
export function panned(orbit: Orbit, dx: number, dy: number, height: number): Orbit {
  const rotation = orbitRotation(orbit.azimuth, orbit.elevation);
  const mm = pixelSize(orbit, height);
  const right: Vec3 = [rotation[0], rotation[1], rotation[2]];
  const down: Vec3 = [rotation[3], rotation[4], rotation[5]];
  return { ...orbit, target: add(orbit.target, add(scale(right, -dx * mm), scale(down, -dy * mm))) };
}

/** Come nearer (factor below 1) or go away. */
export function zoomed(orbit: Orbit, factor: number): Orbit {
  return { ...orbit, distance: clamp(orbit.distance * factor, CLOSEST_MM, FURTHEST_MM) };
}

/** See a box whole from where the orbit looks, in a picture of this width over height. */
export function framed(orbit: Orbit, box: readonly [Vec3, Vec3], aspect: number): Orbit {
  const target = scale(add(box[0], box[1]), 0.5);
  const rotation = orbitRotation(orbit.azimuth, orbit.elevation);
  const rows = [0, 3, 6].map((at) => rotation.slice(at, at + 3) as unknown as Vec3);
  const tangent = Math.tan((orbit.fov * Math.PI) / 360);
  let distance = CLOSEST_MM;
  for (let corner = 0; corner < 8; corner++) {
    const point: Vec3 = [box[corner & 1][0], box[(corner >> 1) & 1][1], box[corner >> 2][2]];
    const [x, y, z] = rows.map((row) => dot(row, subtract(point, target)));
    const aside = Math.max(Math.abs(x) / aspect, Math.abs(y)) / tangent;
    distance = Math.max(distance, aside - (orbit.projection === "perspective" ? z : 0));
  }
  return { ...orbit, target, distance: clamp(distance * MARGIN, length(subtract(box[1], box[0])) / 2, FURTHEST_MM) };
}

/** The view in which a person first sees a scene. */
export function firstOrbit(box: readonly [Vec3, Vec3], aspect: number): Orbit {
  const start: Orbit = {
    target: [0, 0, 0],
    distance: 1,
    azimuth: 0,
    elevation: 0,
    projection: "perspective",
    fov: FOV,
  };
  return framed(start, box, aspect);
}

/** The half of space that stays when what is in front of the target is cut away. */
export function facingPlane(orbit: Orbit): { normal: Vec3; offset: number } {
  const normal = scale(orbitDirection(orbit.azimuth, orbit.elevation), -1);
  return { normal, offset: -dot(normal, orbit.target) };
}
