import type { Lattice } from "./lattice";

/** Towards a light beside the lattice rays run almost within a slice; less far than this, in cells, counts as this. */
const MIN_ALONG = 0.25;

/** Homogeneous position in cells: x, y, z, 1 at a place; x, y, z, 0 far away. */
export type Source = readonly [number, number, number, number];

/**
 * Transmittance from the centre of every cell to a source, in one pass from the source's side (short characteristics;
 * Kunasz and Auer 1988); the twin of Python's `lighting.sweep`.
 */
export class Sweep {
  private readonly passed: Float32Array;
  private arrived: Float32Array;
  private left: Float32Array;

  constructor(private readonly shape: Lattice["shape"]) {
    const [i, j, k] = shape;
    this.passed = new Float32Array(i * j * k);
    this.arrived = new Float32Array(Math.max(i * j, i * k, j * k));
    this.left = new Float32Array(this.arrived.length);
  }

  /** @param depth Optical depth of each cell from face to face. */
  towards(source: Source, depth: Float32Array): void {
    const { shape, passed } = this;
    const strides = [shape[1] * shape[2], shape[2], 1];
    const w = source[3];
    const fromMiddle = [0, 1, 2].map((axis) => source[axis] - (w * (shape[axis] - 1)) / 2);
    const [x, y, z] = fromMiddle.map(Math.abs);
    const a = x >= y && x >= z ? 0 : y >= z ? 1 : 2;
    const [b, c] = [0, 1, 2].filter((axis) => axis !== a);
    const [slices, rows, columns] = [shape[a], shape[b], shape[c]];
    const [sourceB, sourceC, strideC] = [source[b], source[c], strides[c]];
    this.arrived.fill(1);
    for (let step = 0; step < slices; step++) {
      const i = fromMiddle[a] > 0 ? slices - 1 - step : step;
      const perSlice = 1 / Math.max(Math.abs(source[a] - w * i), MIN_ALONG);
      const { arrived, left } = this;
      for (let j = 0; j < rows; j++) {
        const shiftB = (sourceB - w * j) * perSlice;
        const row = Math.floor(j + shiftB);
        const fy = j + shiftB - row;
        const last = row >= 0 && row < rows - 1 ? columns - 1 : 0;
        let cell = i * strides[a] + j * strides[b];
        for (let k = 0; k < columns; k++, cell += strideC) {
          const shiftC = (sourceC - w * k) * perSlice;
          const column = Math.floor(k + shiftC);
          const fz = k + shiftC - column;
          let light: number;
          if (column >= 0 && column < last) {
            const at = row * columns + column;
            const near = arrived[at] + fz * (arrived[at + 1] - arrived[at]);
            const far = arrived[at + columns] + fz * (arrived[at + columns + 1] - arrived[at + columns]);
            light = near + fy * (far - near);
          } else {
            light = atEdge(arrived, rows, columns, row, column, fy, fz);
          }
          let half = 1;
          if (depth[cell] > 0) half = Math.exp(-0.5 * depth[cell] * Math.sqrt(1 + shiftB * shiftB + shiftC * shiftC));
          passed[cell] = light * half;
          left[j * columns + k] = light * half * half;
        }
      }
      this.arrived = left;
      this.left = arrived;
    }
  }

  /** Transmittance of the last pass between the cells, well inside the lattice. */
  at(x: number, y: number, z: number): number {
    const { passed } = this;
    const columns = this.shape[2];
    const slice = this.shape[1] * columns;
    const i = Math.floor(x);
    const j = Math.floor(y);
    const k = Math.floor(z);
    const fy = y - j;
    const fz = z - k;
    const a = i * slice + j * columns + k;
    const b = a + columns;
    const near = (1 - fy) * mix(passed, a, fz) + fy * mix(passed, b, fz);
    const far = (1 - fy) * mix(passed, a + slice, fz) + fy * mix(passed, b + slice, fz);
    return near + (x - i) * (far - near);
  }
}

const mix = (values: Float32Array, at: number, part: number): number =>
  values[at] + part * (values[at + 1] - values[at]);

/** Bilinear value of a plane at its edge; beyond it everything passes. */
function atEdge(
  plane: Float32Array,
  rows: number,
  columns: number,
  row: number,
  column: number,
  fy: number,
  fz: number,
): number {
  let total = 0;
  for (let corner = 0; corner < 4; corner++) {
    const j = row + (corner >> 1);
    const k = column + (corner & 1);
    const value = j >= 0 && j < rows && k >= 0 && k < columns ? plane[j * columns + k] : 1;
    total += value * (corner >> 1 ? fy : 1 - fy) * (corner & 1 ? fz : 1 - fz);
  }
  return total;
}
