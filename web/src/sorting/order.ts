import type { Eye, Means } from "./depths";

const DIGIT_BITS = 12;
const BUCKETS = 1 << DIGIT_BITS;
const KEY_MAX = BUCKETS * BUCKETS - 1;

/** Sorts Gaussians from far to near by counting, 24-bit depths in two passes; keeps its workspace. */
export class Sorter {
  private depths = new Float32Array(0);
  private keys = new Uint32Array(0);
  private members = new Uint32Array(0);
  private passed = new Uint32Array(0);

  /**
   * Indices of the Gaussians whose label is shown, the farthest first.
   *
   * @param shown One entry for each label id, 0 for hidden.
   */
  sort(means: Means, eye: Eye, shown: Uint8Array): Uint32Array {
    if (this.depths.length !== means.labels.length) this.allocate(means.labels.length);
    const count = this.measure(means, eye, shown);
    const order = new Uint32Array(count);
    scatter(this.members.subarray(0, count), this.keys, 0, this.passed);
    scatter(this.passed.subarray(0, count), this.keys, DIGIT_BITS, order);
    return order;
  }

  private allocate(count: number): void {
    this.depths = new Float32Array(count);
    this.keys = new Uint32Array(count);
    this.members = new Uint32Array(count);
    this.passed = new Uint32Array(count);
  }

  /** Collect the shown Gaussians, and key them by depth: 0 for the farthest. */
  private measure(means: Means, eye: Eye, shown: Uint8Array): number {
    const { depths, keys, members } = this;
    let count = 0;
    let nearest = Number.POSITIVE_INFINITY;
    let farthest = Number.NEGATIVE_INFINITY;
    for (const [start, end] of means.loaded) {
      for (let i = start; i < end; i++) {
        if (shown[means.labels[i]] === 0) continue;
        const depth = means.depth(i, eye);
        depths[i] = depth;
        if (depth < nearest) nearest = depth;
        if (depth > farthest) farthest = depth;
        members[count++] = i;
      }
    }
    const perUnit = KEY_MAX / Math.max(farthest - nearest, 1e-9);
    for (let k = 0; k < count; k++) {
      const i = members[k];
      keys[i] = Math.min(KEY_MAX, Math.max(0, (farthest - depths[i]) * perUnit));
    }
    return count;
  }
}

/** One pass of counting sort: write items into `sorted`, stably, by 12 bits of their keys. */
function scatter(items: Uint32Array, keys: Uint32Array, shift: number, sorted: Uint32Array): void {
  const ends = new Uint32Array(BUCKETS + 1);
  for (let k = 0; k < items.length; k++) ends[((keys[items[k]] >>> shift) & (BUCKETS - 1)) + 1]++;
  for (let b = 0; b < BUCKETS; b++) ends[b + 1] += ends[b];
  for (let k = 0; k < items.length; k++) {
    const item = items[k];
    sorted[ends[(keys[item] >>> shift) & (BUCKETS - 1)]++] = item;
  }
}
