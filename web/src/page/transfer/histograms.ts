import { RECORD_WORDS, type SceneHeader, type VolumeData } from "../../scene/types";

const BINS = 512;
/** Every how many voxels of a scan are counted: the picture of the histogram needs no more. */
const VOXEL_STRIDE = 7;

/** How often values occur, by label id. */
export class Histograms {
  private readonly counts = new Map<number, Float64Array>();

  constructor(
    readonly low: number,
    readonly high: number,
  ) {}

  static ofScene({ value_range }: SceneHeader): Histograms {
    return new Histograms(...(value_range ?? [0, 1]));
  }

  static ofVolume({ header, values, labels }: VolumeData, { value_range }: SceneHeader): Histograms {
    const histograms = Histograms.ofScene({ value_range } as SceneHeader);
    for (let i = 0; i < values.length; i += VOXEL_STRIDE) {
      if (labels[i]) histograms.add(labels[i], header.value_offset + header.value_scale * values[i]);
    }
    return histograms;
  }

  /** Count the Gaussians of a chunk. */
  addRecords(words: Uint32Array): void {
    const step = (this.high - this.low) / 65535;
    for (let at = 2; at < words.length; at += RECORD_WORDS) {
      this.add((words[at] >>> 16) & 255, this.low + (words[at] & 0xffff) * step);
    }
  }

  /** The counts of some labels together, in bins from `low` to `high`. */
  sum(labels: readonly number[]): Float64Array {
    const total = new Float64Array(BINS);
    for (const label of labels) {
      const counts = this.counts.get(label);
      if (counts) for (let bin = 0; bin < BINS; bin++) total[bin] += counts[bin];
    }
    return total;
  }

  /** The value in the middle of a bin. */
  value(bin: number): number {
    return this.low + ((bin + 0.5) / BINS) * (this.high - this.low);
  }

  private add(label: number, value: number): void {
    let counts = this.counts.get(label);
    if (!counts) {
      counts = new Float64Array(BINS);
      this.counts.set(label, counts);
    }
    const bin = Math.floor(((value - this.low) / (this.high - this.low)) * BINS);
    counts[Math.min(Math.max(bin, 0), BINS - 1)]++;
  }
}

/** Between which values all but a part of what was counted lies; null where nothing was. */
export function quantiles(counts: Float64Array, part: number): [first: number, last: number] | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let first = 0;
  let last = counts.length - 1;
  for (let below = counts[0]; below <= part * total; below += counts[first]) first++;
  for (let above = counts[last]; above <= part * total; above += counts[last]) last--;
  return [first, last];
}
