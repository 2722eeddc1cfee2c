import type { Camera } from "../render/camera";
import type { Eye, Means } from "../sorting/depths";
import { type Met, meet } from "./meeting";
import type { Recolouring } from "./recolouring";

/** A look through one pixel. */
export interface Sight {
  camera: Camera;
  eye: Eye;
  /** Pixel coordinates; the centre of the first pixel is at (0.5, 0.5). */
  x: number;
  y: number;
  /** λ of the opacity weight. */
  directionWeight: number;
  /** Part of the ray that is not clipped away, in depth. */
  span: readonly [number, number];
  /** By label id, 0..1; 0 is hidden. */
  organs: Float32Array;
  /** null: as in the scene. */
  recolouring: Recolouring | null;
}

/** What was met: half of the light that does not pass was lost up to here. */
export interface Hit {
  depth: number;
  /** The organ that covers most of the pixel. */
  label: number;
  /** The Gaussian that covers most of the pixel. */
  index: number;
  /** How much of the background is covered, 0..1. */
  alpha: number;
}

/** What covers less is not seen, and not picked. */
const ALPHA_SEEN = 0.02;

/** Blend all Gaussians along a ray front to back, as the renderer does; null where next to nothing is met. */
export function pickAlong(means: Means, words: Uint32Array, sight: Sight): Hit | null {
  const met: Met[] = [];
  for (const [start, end] of means.loaded) {
    for (let i = start; i < end; i++) {
      if (sight.organs[means.labels[i]] === 0) continue;
      const found = meet(means, words, i, sight);
      if (found) met.push(found);
    }
  }
  met.sort((a, b) => a.order - b.order);
  return blend(met, means.labels);
}

function blend(met: readonly Met[], labels: Uint8Array): Hit | null {
  let passing = 1;
  const weights = met.map(({ alpha }) => {
    const weight = alpha * passing;
    passing -= weight;
    return weight;
  });
  const alpha = 1 - passing;
  if (alpha < ALPHA_SEEN) return null;
  const byLabel = new Float64Array(256);
  let index = 0;
  let sum = 0;
  let depth: number | null = null;
  weights.forEach((weight, k) => {
    byLabel[labels[met[k].index]] += weight;
    if (weight > weights[index]) index = k;
    sum += weight;
    if (depth === null && sum >= alpha / 2) depth = met[k].depth;
  });
  const label = byLabel.indexOf(Math.max(...byLabel));
  return { depth: depth ?? met[index].depth, label, index: met[index].index, alpha };
}
