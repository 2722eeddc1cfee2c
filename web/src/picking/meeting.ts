import { slopeLimits } from "../render/view";
import { decodeCovFactors, decodeOpacities, decodePrecisionFactors } from "../scene/gaussians";
import { RECORD_WORDS } from "../scene/types";
import type { Means } from "../sorting/depths";
import { add, apply, dot, length, scale, subtract, type Vec3 } from "../vectors";
import type { Sight } from "./ray";
import { recolouredOpacity } from "./recolouring";

/** A Gaussian on a ray. */
export interface Met {
  index: number;
  /** Depth by which Gaussians are sorted. */
  order: number;
  /** Mean depth of the Gaussian along this ray. */
  depth: number;
  alpha: number;
}

const ALPHA_MIN = 1 / 255;
const ALPHA_MAX = 0.99;
const LOW_PASS_PX2 = 0.3;
const NEAR_MM = 1;

/** What Gaussian i covers of a pixel: the arithmetic of the shaders slice, project and splat. */
export function meet(means: Means, words: Uint32Array, i: number, sight: Sight): Met | null {
  const { camera, eye } = sight;
  const mean = vectorAt(means.means, i);
  if (passesBy(mean, means.reach[i], sight)) return null;
  const record = words.subarray(i * RECORD_WORDS, (i + 1) * RECORD_WORDS);
  let opacity = opacityOf(record, means.labels[i], sight);
  let shifted = mean;
  if (eye.directional) {
    const x = subtract(directionTo(mean, sight), vectorAt(means.directions, i));
    const g = means.gains.subarray(9 * i, 9 * i + 9);
    shifted = add(mean, [dot(row(g, 0), x), dot(row(g, 3), x), dot(row(g, 6), x)]);
    const away = transposed(decodePrecisionFactors(record), x);
    opacity *= Math.exp(-sight.directionWeight * dot(away, away));
  }
  const p = apply(camera.rotation, subtract(shifted, eye.position));
  if (opacity <= ALPHA_MIN || (!eye.orthographic && p[2] < NEAR_MM)) return null;
  return project(i, p, opacity, decodeCovFactors(record), sight);
}

function opacityOf(record: Uint32Array, label: number, { organs, recolouring }: Sight): number {
  const opacity = decodeOpacities(record)[0];
  if (!recolouring) return opacity * organs[label];
  const [low, high] = recolouring.valueRange;
  const value = low + ((high - low) * (record[2] & 65535)) / 65535;
  return recolouredOpacity(opacity, value, label, recolouring) * organs[label];
}

function project(index: number, p: Vec3, opacity: number, factors: Float32Array, sight: Sight): Met | null {
  const { camera, eye } = sight;
  const [right, down, forward] = [row(camera.rotation, 0), row(camera.rotation, 3), row(camera.rotation, 6)];
  const inverse = eye.orthographic ? 1 : 1 / p[2];
  const [low, high, lowest, highest] = slopeLimits(camera);
  const slopeX = eye.orthographic ? 0 : Math.min(Math.max(p[0] * inverse, low), high);
  const slopeY = eye.orthographic ? 0 : Math.min(Math.max(p[1] * inverse, lowest), highest);
  const u = transposed(factors, scale(subtract(right, scale(forward, slopeX)), camera.fx * inverse));
  const v = transposed(factors, scale(subtract(down, scale(forward, slopeY)), camera.fy * inverse));
  const w = transposed(factors, forward);
  const xx = dot(u, u) + LOW_PASS_PX2;
  const yy = dot(v, v) + LOW_PASS_PX2;
  const xy = dot(u, v);
  const determinant = xx * yy - xy * xy;
  const dx = sight.x - (camera.fx * p[0] * inverse + camera.cx);
  const dy = sight.y - (camera.fy * p[1] * inverse + camera.cy);
  const exponent = (yy * dx * dx - 2 * xy * dx * dy + xx * dy * dy) / determinant;
  const [uw, vw] = [dot(u, w), dot(v, w)];
  const [kx, ky] = [(yy * uw - xy * vw) / determinant, (xx * vw - xy * uw) / determinant];
  const depth = p[2] + kx * dx + ky * dy;
  const deviation = Math.sqrt(Math.max(dot(w, w) - kx * uw - ky * vw, 1e-9));
  const share = normal((sight.span[1] - depth) / deviation) - normal((sight.span[0] - depth) / deviation);
  const alpha = Math.min(opacity * Math.exp(-exponent / 2) * share, ALPHA_MAX);
  // Also false for NaN.
  return alpha > ALPHA_MIN ? { index, order: p[2], depth, alpha } : null;
}

/** Whether a Gaussian is too far from the ray to be met. */
function passesBy(mean: Vec3, reach: number, { camera, eye, x, y }: Sight): boolean {
  const p = apply(camera.rotation, subtract(mean, eye.position));
  const [rayX, rayY] = [(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy];
  if (eye.orthographic) return Math.hypot(p[0] - rayX, p[1] - rayY) > reach + 2 / camera.fx;
  if (p[2] < -reach) return true;
  const off = length([p[0] - rayX * p[2], p[1] - rayY * p[2], 0]) / Math.hypot(rayX, rayY, 1);
  return off > reach + (2 * Math.max(p[2], 0)) / camera.fx;
}

function directionTo(mean: Vec3, { eye }: Sight): Vec3 {
  if (eye.orthographic) return eye.forward;
  const offset = subtract(mean, eye.position);
  return scale(offset, 1 / length(offset));
}

/** Standard normal distribution, to 1.4e-4 (Page, Applied Statistics 26:75, 1977). */
function normal(x: number): number {
  return 1 / (1 + Math.exp(-x * (1.5976 + 0.07056 * x * x)));
}

/** Lᵀ a of a lower factor xx, yx, zx, yy, zy, zz. */
function transposed(l: Float32Array, a: Vec3): Vec3 {
  return [l[0] * a[0] + l[1] * a[1] + l[2] * a[2], l[3] * a[1] + l[4] * a[2], l[5] * a[2]];
}

const vectorAt = (array: Float32Array, i: number): Vec3 => row(array, 3 * i);

const row = (numbers: ArrayLike<number>, at: number): Vec3 => [numbers[at], numbers[at + 1], numbers[at + 2]];
