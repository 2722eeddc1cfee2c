import { decodeCovFactors, decodeDirections, decodeGains, decodeLabels, decodeMeans } from "../scene/gaussians";
import { RECORD_WORDS, type SceneHeader } from "../scene/types";
import type { Vec3 } from "../vectors";

/** At which an opaque Gaussian has fallen to 1/255. */
const STANDARD_DEVIATIONS = Math.sqrt(2 * Math.log(255));

/** From where Gaussians are sliced. */
export interface Eye {
  position: Vec3;
  forward: Vec3;
  orthographic: boolean;
  /** False: means are not shifted. */
  directional: boolean;
}

/** The Gaussians that have arrived, as far as their means given a view direction go. */
export class Means {
  readonly means: Float32Array;
  readonly directions: Float32Array;
  readonly gains: Float32Array;
  readonly labels: Uint8Array;
  /** mm around the unshifted mean beyond which a Gaussian covers less than 1/255, wherever it is seen from. */
  readonly reach: Float32Array;
  /** Ranges of indices that have arrived. */
  readonly loaded: [number, number][] = [];

  constructor(private readonly header: SceneHeader) {
    const { count } = header;
    this.means = new Float32Array(3 * count);
    this.directions = new Float32Array(3 * count);
    this.gains = new Float32Array(9 * count);
    this.labels = new Uint8Array(count);
    this.reach = new Float32Array(count);
  }

  /** Take in records as Gaussians start, start + 1, ... */
  add(start: number, words: Uint32Array): void {
    this.means.set(decodeMeans(words, this.header), 3 * start);
    this.directions.set(decodeDirections(words), 3 * start);
    this.gains.set(decodeGains(words), 9 * start);
    this.labels.set(decodeLabels(words), start);
    const last = start + words.length / RECORD_WORDS;
    this.reach.set(reaches(decodeCovFactors(words), this.gains.subarray(9 * start, 9 * last)), start);
    this.loaded.push([start, last]);
  }

  /** Depth of the shifted mean of Gaussian i along the viewing axis. */
  depth(i: number, eye: Eye): number {
    const { means, directions, gains } = this;
    const [fx, fy, fz] = eye.forward;
    const j = 3 * i;
    const x = means[j] - eye.position[0];
    const y = means[j + 1] - eye.position[1];
    const z = means[j + 2] - eye.position[2];
    const depth = fx * x + fy * y + fz * z;
    if (!eye.directional) return depth;
    const inverse = 1 / Math.sqrt(x * x + y * y + z * z);
    const a = (eye.orthographic ? fx : x * inverse) - directions[j];
    const b = (eye.orthographic ? fy : y * inverse) - directions[j + 1];
    const c = (eye.orthographic ? fz : z * inverse) - directions[j + 2];
    const k = 9 * i;
    return (
      depth +
      fx * (gains[k] * a + gains[k + 1] * b + gains[k + 2] * c) +
      fy * (gains[k + 3] * a + gains[k + 4] * b + gains[k + 5] * c) +
      fz * (gains[k + 6] * a + gains[k + 7] * b + gains[k + 8] * c)
    );
  }
}

function reaches(covFactors: Float32Array, gains: Float32Array): Float32Array {
  const reach = new Float32Array(covFactors.length / 6);
  for (let i = 0; i < reach.length; i++) {
    let spread = 0;
    for (let k = 6 * i; k < 6 * i + 6; k++) spread += covFactors[k] * covFactors[k];
    let shift = 0;
    for (let k = 9 * i; k < 9 * i + 9; k++) shift += gains[k] * gains[k];
    // No two directions differ by more than 2.
    reach[i] = STANDARD_DEVIATIONS * Math.sqrt(spread) + 2 * Math.sqrt(shift);
  }
  return reach;
}
