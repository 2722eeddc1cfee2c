import type { Camera } from "../render/camera";
import type { Planes } from "../render/clipping";
import { add, apply, dot, type Mat3, scale, type Vec3 } from "../vectors";

/** Depths no clip plane reaches. */
export const FAR = 1e9;

/** The ray of a pixel: at a depth, it is at start + depth · step, world. */
export interface Ray {
  start: Vec3;
  step: Vec3;
}

export function rayThrough({ position, rotation: r, fx, fy, cx, cy, orthographic }: Camera, x: number, y: number): Ray {
  const toWorld: Mat3 = [r[0], r[3], r[6], r[1], r[4], r[7], r[2], r[5], r[8]];
  const aside: Vec3 = [(x - cx) / fx, (y - cy) / fy, 0];
  if (orthographic) return { start: add(position, apply(toWorld, aside)), step: [r[6], r[7], r[8]] };
  return { start: position, step: apply(toWorld, [aside[0], aside[1], 1]) };
}

export const pointAt = ({ start, step }: Ray, depth: number): Vec3 => add(start, scale(step, depth));

/** Where a ray enters and leaves what all planes keep, as depths: the arithmetic of the shader spans. */
export function spanOf({ start, step }: Ray, planes: Planes): [number, number] {
  let enters = -FAR;
  let leaves = FAR;
  for (const [x, y, z, offset] of planes) {
    const here = dot([x, y, z], start) + offset;
    const slope = dot([x, y, z], step);
    if (Math.abs(slope) < 1e-7) {
      if (here < 0) leaves = -FAR;
    } else if (slope > 0) enters = Math.max(enters, -here / slope);
    else leaves = Math.min(leaves, -here / slope);
  }
  return [enters, leaves];
}
