import type { Vec3 } from "../vectors";

/** Empty cells around the points: rays start up to 1.25 cells beside them, and what is smoothed needs neighbours. */
const MARGIN = 2;
/** Cells of the box of the points, at most. */
const MAX_CELLS = 1_000_000;
/** No cell is covered more than this: extinction stays finite. */
const MAX_COVERAGE = 0.999;
/** Coverage that falls by this part of itself per cell lies on a surface. */
const SURFACE_FALL = 1;

/** Cubic cells around points, the last index fastest; with what follows the twin of Python's `lighting.coverage`. */
export interface Lattice {
  /** mm, the centre of cell 0, 0, 0. */
  origin: Vec3;
  /** mm. */
  edge: number;
  shape: readonly [number, number, number];
}

/** Cells of this edge in mm around a box, or of a larger one where too many would be needed. */
export function coarseLattice([low, high]: readonly [Vec3, Vec3], edge: number): Lattice {
  const extent = [0, 1, 2].map((axis) => high[axis] - low[axis]);
  const length = Math.max(edge, Math.cbrt((extent[0] * extent[1] * extent[2]) / MAX_CELLS));
  const [i, j, k] = extent.map((x) => Math.floor(x / length) + 2 * MARGIN + 2);
  return {
    origin: [low[0] - MARGIN * length, low[1] - MARGIN * length, low[2] - MARGIN * length],
    edge: length,
    shape: [i, j, k],
  };
}

/** Positions [N, 3] in cells of points [N, 3] in mm. */
export function toCells({ origin, edge }: Lattice, points: Float32Array): Float32Array {
  return points.map((x, i) => (x - origin[i % 3]) / edge);
}

/** Part of each cell's face that areas [N] in mm² cover at positions [N, 3] in cells, shared among the 8 nearest. */
export function cover({ edge, shape }: Lattice, positions: Float32Array, areas: Float32Array): Float32Array {
  const [, n, m] = shape;
  const coverage = new Float32Array(shape[0] * n * m);
  for (let p = 0; p < areas.length; p++) {
    if (areas[p] === 0) continue;
    const [x, y, z] = [positions[3 * p], positions[3 * p + 1], positions[3 * p + 2]];
    const [i, j, k] = [Math.floor(x), Math.floor(y), Math.floor(z)];
    const part = areas[p] / (edge * edge);
    for (let corner = 0; corner < 8; corner++) {
      const [a, b, c] = [corner >> 2, (corner >> 1) & 1, corner & 1];
      const weight = (a ? x - i : 1 - x + i) * (b ? y - j : 1 - y + j) * (c ? z - k : 1 - z + k);
      coverage[((i + a) * n + j + b) * m + k + c] += part * weight;
    }
  }
  for (let cell = 0; cell < coverage.length; cell++) coverage[cell] = Math.min(coverage[cell], MAX_COVERAGE);
  return coverage;
}

/** Outward normals [M, 3] in the cells nearest to some of the positions; length 0 inside to 1 on a surface. */
export function surfaceNormals(
  coverage: Float32Array,
  [, n, m]: Lattice["shape"],
  positions: Float32Array,
  members: Uint32Array,
): Float32Array {
  const strides = [n * m, m, 1];
  const smooth = strides.reduce(smoothed, coverage);
  const normals = new Float32Array(3 * members.length);
  for (let q = 0; q < members.length; q++) {
    const p = 3 * members[q];
    let cell = 0;
    for (let axis = 0; axis < 3; axis++) cell += strides[axis] * Math.floor(positions[p + axis] + 0.5);
    const u = (smooth[cell - n * m] - smooth[cell + n * m]) / 2;
    const v = (smooth[cell - m] - smooth[cell + m]) / 2;
    const w = (smooth[cell - 1] - smooth[cell + 1]) / 2;
    const steepness = Math.max(Math.hypot(u, v, w), 1e-12);
    const length = Math.min(steepness / Math.max(smooth[cell], 1e-6) / SURFACE_FALL, 1);
    normals[3 * q] = (u / steepness) * length;
    normals[3 * q + 1] = (v / steepness) * length;
    normals[3 * q + 2] = (w / steepness) * length;
  }
  return normals;
}

/** Weights of ¼, ½, ¼ along an axis; the margin is empty, so that rows may run into each other. */
function smoothed(values: Float32Array, stride: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let cell = stride; cell < values.length - stride; cell++) {
    result[cell] = values[cell] / 2 + (values[cell - stride] + values[cell + stride]) / 4;
  }
  return result;
}
