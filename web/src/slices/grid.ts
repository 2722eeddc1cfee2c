import type { VolumeData, VolumeHeader } from "../scene/types";
import { apply, cross, dot, type Mat3, subtract, type Vec3 } from "../vectors";

/** What the volume holds at a point. */
export interface Sample {
  value: number;
  label: number;
}

/** Where a volume's voxels lie in the world: its affine, both ways. */
export class Grid {
  readonly shape: readonly [number, number, number];
  /** Box of the volume with its outermost voxels whole, mm. */
  readonly box: readonly [Vec3, Vec3];
  readonly center: Vec3;
  private readonly origin: Vec3;
  private readonly toWorldAxes: Mat3;
  private readonly toIndexAxes: Mat3;

  constructor(header: VolumeHeader) {
    const [x, y, z] = header.affine;
    this.shape = header.shape;
    this.origin = [x[3], y[3], z[3]];
    this.toWorldAxes = [x[0], x[1], x[2], y[0], y[1], y[2], z[0], z[1], z[2]];
    this.toIndexAxes = inverse(this.toWorldAxes);
    const middle = this.shape.map((n) => (n - 1) / 2) as unknown as Vec3;
    this.center = this.toWorld(middle);
    this.box = this.boundingBox();
  }

  toWorld(index: Vec3): Vec3 {
    const p = apply(this.toWorldAxes, index);
    return [p[0] + this.origin[0], p[1] + this.origin[1], p[2] + this.origin[2]];
  }

  toIndex(p: Vec3): Vec3 {
    return this.indexDirection(subtract(p, this.origin));
  }

  /** A world displacement as a displacement of index. */
  indexDirection(displacement: Vec3): Vec3 {
    return apply(this.toIndexAxes, displacement);
  }

  /** The distance, mm along a unit direction, after which some index has grown by one: from slice to slice. */
  step(direction: Vec3): number {
    return 1 / Math.max(...this.indexDirection(direction).map(Math.abs));
  }

  contains(p: Vec3): boolean {
    return this.toIndex(p).every((i, axis) => i >= -0.5 && i < this.shape[axis] - 0.5);
  }

  private boundingBox(): readonly [Vec3, Vec3] {
    const reach = ([a, b, c]: readonly number[]) =>
      (Math.abs(a) * this.shape[0] + Math.abs(b) * this.shape[1] + Math.abs(c) * this.shape[2]) / 2;
    const m = this.toWorldAxes;
    const half = [reach(m.slice(0, 3)), reach(m.slice(3, 6)), reach(m.slice(6, 9))] as const;
    const c = this.center;
    return [
      [c[0] - half[0], c[1] - half[1], c[2] - half[2]],
      [c[0] + half[0], c[1] + half[1], c[2] + half[2]],
    ];
  }
}

function inverse(m: Mat3): Mat3 {
  const a: Vec3 = [m[0], m[3], m[6]];
  const b: Vec3 = [m[1], m[4], m[7]];
  const c: Vec3 = [m[2], m[5], m[8]];
  const determinant = dot(a, cross(b, c));
  if (!(Math.abs(determinant) > 1e-12))
    throw new RangeError("The volume's affine is singular; export the scene again.");
  return [...cross(b, c), ...cross(c, a), ...cross(a, b)].map((n) => n / determinant) as unknown as Mat3;
}

/** Grids are made once for each volume, however many panes show it. */
export interface PlacedVolume {
  data: VolumeData;
  grid: Grid;
}

export const placeVolume = (data: VolumeData): PlacedVolume => ({ data, grid: new Grid(data.header) });
