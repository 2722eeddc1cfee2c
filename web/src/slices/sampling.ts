import type { Vec3 } from "../vectors";
import type { PlacedVolume, Sample } from "./grid";

/** Where the pixels of a slice lie in the world. */
export interface Raster {
  width: number;
  height: number;
  /** Centre of the first pixel, mm. */
  origin: Vec3;
  /** From a pixel to the next to its right, and to the one below, mm. */
  right: Vec3;
  down: Vec3;
}

/** A slice's values and labels, row by row from the top; NaN and 0 outside the volume. */
export interface Sampled {
  width: number;
  height: number;
  values: Float32Array;
  labels: Uint8Array;
}

/** Sample a volume on a plane: values linearly between voxel centres, labels from the nearest voxel. */
export function samplePlane({ data, grid }: PlacedVolume, raster: Raster, reuse: Sampled | null): Sampled {
  const { width, height } = raster;
  const out = sampledLike(reuse, width, height);
  out.values.fill(Number.NaN);
  out.labels.fill(0);
  const [nx, ny, nz] = grid.shape;
  const { values, labels, header } = data;
  const { value_offset: offset, value_scale: scale } = header;
  const strideY = nx;
  const strideZ = nx * ny;
  const start = grid.toIndex(raster.origin);
  const [rx, ry, rz] = grid.indexDirection(raster.right);
  const [dx, dy, dz] = grid.indexDirection(raster.down);
  for (let row = 0; row < height; row++) {
    const sx = start[0] + row * dx;
    const sy = start[1] + row * dy;
    const sz = start[2] + row * dz;
    // The columns inside the volume are found once for the row: no test for each pixel.
    let [first, end] = inside(sx, rx, nx, 0, width);
    [first, end] = inside(sy, ry, ny, first, end);
    [first, end] = inside(sz, rz, nz, first, end);
    for (let column = first; column < end; column++) {
      // The outer half of the outermost voxels has the value of their centres.
      const x = Math.min(Math.max(sx + column * rx, 0), nx - 1);
      const y = Math.min(Math.max(sy + column * ry, 0), ny - 1);
      const z = Math.min(Math.max(sz + column * rz, 0), nz - 1);
      const i = x | 0;
      const j = y | 0;
      const k = z | 0;
      const fx = x - i;
      const fy = y - j;
      const fz = z - k;
      const nextX = i + 1 < nx ? 1 : 0;
      const nextY = j + 1 < ny ? strideY : 0;
      const nextZ = k + 1 < nz ? strideZ : 0;
      const a = i + j * strideY + k * strideZ;
      const b = a + nextY;
      const c = a + nextZ;
      const d = b + nextZ;
      const va = values[a] + (values[a + nextX] - values[a]) * fx;
      const vb = values[b] + (values[b + nextX] - values[b]) * fx;
      const vc = values[c] + (values[c + nextX] - values[c]) * fx;
      const vd = values[d] + (values[d + nextX] - values[d]) * fx;
      const near = va + (vb - va) * fy;
      const far = vc + (vd - vc) * fy;
      const pixel = row * width + column;
      out.values[pixel] = offset + scale * (near + (far - near) * fz);
      out.labels[pixel] = labels[((x + 0.5) | 0) + ((y + 0.5) | 0) * strideY + ((z + 0.5) | 0) * strideZ];
    }
  }
  return out;
}

/** The value and label at a point; null outside the volume. */
export function samplePoint(volume: PlacedVolume, p: Vec3): Sample | null {
  if (!volume.grid.contains(p)) return null;
  const one: Raster = { width: 1, height: 1, origin: p, right: [0, 0, 0], down: [0, 0, 0] };
  const { values, labels } = samplePlane(volume, one, null);
  return { value: values[0], label: labels[0] };
}

/** The part of columns [first, end) in which −½ ≤ start + column · step < n − ½. */
function inside(start: number, step: number, n: number, first: number, end: number): [number, number] {
  const low = -0.5 - start;
  const high = n - 0.5 - start;
  if (step === 0) return low <= 0 && high > 0 ? [first, end] : [first, first];
  const from = step > 0 ? Math.ceil(low / step) : Math.floor(high / step) + 1;
  const to = step > 0 ? Math.ceil(high / step) : Math.floor(low / step) + 1;
  return [Math.max(first, from), Math.min(end, to)];
}

function sampledLike(reuse: Sampled | null, width: number, height: number): Sampled {
  if (reuse?.width === width && reuse.height === height) return reuse;
  return { width, height, values: new Float32Array(width * height), labels: new Uint8Array(width * height) };
}
