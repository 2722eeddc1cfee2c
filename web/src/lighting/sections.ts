import { decodeCovFactors, decodeOpacities, decodePrecisionFactors } from "../scene/gaussians";
import { RECORD_WORDS } from "../scene/types";

/** Standard deviation, in edges, of the Gaussian that stands for a full block. */
const SIGMA = 0.5;

/** How much light Gaussians take away; the twin of Python's `gaussians.cross_sections`. */
export interface Sections {
  /** [N] mm, standard deviations: square roots of the mean product of two of the three. */
  sizes: Float32Array;
  /** [N] mm², area of the light that is taken away. */
  areas: Float32Array;
}

export function crossSections(words: Uint32Array, directionWeight: number): Sections {
  const count = words.length / RECORD_WORDS;
  const [factors, precisions] = [decodeCovFactors(words), decodePrecisionFactors(words)];
  const opacities = decodeOpacities(words);
  const sizes = new Float32Array(count);
  const areas = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const square = Math.sqrt(Math.max(secondInvariant(factors, 6 * i), 0) / 3);
    let trace = 0;
    for (let k = 6 * i; k < 6 * i + 6; k++) trace += precisions[k] ** 2;
    sizes[i] = Math.sqrt(square);
    areas[i] = (opacities[i] * Math.exp((-directionWeight * trace) / 3) * square) / SIGMA ** 2;
  }
  return { sizes, areas };
}

/** Of the covariance whose lower factor xx, yx, zx, yy, zy, zz stands at an index. */
function secondInvariant(factors: Float32Array, at: number): number {
  const [a, b, c, d, e, f] = factors.subarray(at, at + 6);
  const [xx, xy, xz] = [a * a, a * b, a * c];
  const [yy, yz, zz] = [b * b + d * d, b * c + d * e, c * c + e * e + f * f];
  return xx * yy + xx * zz + yy * zz - xy * xy - xz * xz - yz * yz;
}
