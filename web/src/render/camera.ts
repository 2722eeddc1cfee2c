import type { Orbit } from "../state";
import { type Mat3, scale, subtract, type Vec3 } from "../vectors";

/** A camera as the renderer uses it; axes as in OpenCV: x right, y down, z forward. */
export interface Camera {
  position: Vec3;
  /** World → camera. */
  rotation: Mat3;
  /** Focal lengths in pixels; for an orthographic camera, pixels per mm. */
  fx: number;
  fy: number;
  /** Principal point in pixels; the centre of the first pixel is at (0.5, 0.5). */
  cx: number;
  cy: number;
  width: number;
  height: number;
  orthographic: boolean;
}

/** Unit vector from the target to the camera; the convention of the Python side's `sphere_directions`. */
export function orbitDirection(azimuth: number, elevation: number): Vec3 {
  const a = (azimuth * Math.PI) / 180;
  const e = (elevation * Math.PI) / 180;
  return [-Math.sin(a) * Math.cos(e), Math.cos(a) * Math.cos(e), Math.sin(e)];
}

/** World → camera of an orbit; well defined at the poles too, where the picture keeps the azimuth's sense of up. */
export function orbitRotation(azimuth: number, elevation: number): Mat3 {
  const a = (azimuth * Math.PI) / 180;
  const e = (elevation * Math.PI) / 180;
  const forward = scale(orbitDirection(azimuth, elevation), -1);
  const right: Vec3 = [-Math.cos(a), -Math.sin(a), 0];
  const down: Vec3 = [-Math.sin(a) * Math.sin(e), Math.cos(a) * Math.sin(e), -Math.cos(e)];
  return [...right, ...down, ...forward];
}

/** The camera of an orbit for a picture of this size. */
export function orbitCamera(orbit: Orbit, width: number, height: number): Camera {
  const focal = height / 2 / Math.tan((orbit.fov * Math.PI) / 360);
  const orthographic = orbit.projection === "orthographic";
  const f = orthographic ? focal / orbit.distance : focal;
  const away = scale(orbitDirection(orbit.azimuth, orbit.elevation), -orbit.distance);
  return {
    position: subtract(orbit.target, away),
    rotation: orbitRotation(orbit.azimuth, orbit.elevation),
    fx: f,
    fy: f,
    cx: width / 2,
    cy: height / 2,
    width,
    height,
    orthographic,
  };
}
