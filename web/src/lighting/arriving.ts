import type { Shading } from "../scene/types";
import type { Vec3 } from "../vectors";
import { type Lattice, surfaceNormals } from "./lattice";
import { environmentDirections, type LampSample, lampSamples } from "./sources";
import { Sweep } from "./sweep";

/** Cells by which a point on a surface is lifted along the normal, and left out at the start of its rays. */
const LIFT = 0.75;
const GAP = 0.5;
/** Cosine at which a surface is typically seen, in the law of Lommel and Seeliger; and that law's mean. */
const EXIT_COSINE = 0.4;
const MEAN_RESPONSE = 0.5 * (1 - EXIT_COSINE * Math.log((1 + EXIT_COSINE) / EXIT_COSINE));

/** The light of the rig past what covers the cells; the twin of Python's `lighting.sweep_light`. */
export class ArrivingLight {
  private readonly sweep: Sweep;

  constructor(
    private readonly lattice: Lattice,
    private readonly shading: Shading,
    private readonly positions: Float32Array,
  ) {
    this.sweep = new Sweep(lattice.shape);
  }

  /**
   * J [M, 3], mean radiance from all directions, at some of the positions.
   *
   * @param coverage Of `cover`.
   */
  at(members: Uint32Array, coverage: Float32Array): Float32Array {
    const { lattice, shading, sweep } = this;
    const depth = coverage.map((part) => -Math.log1p(-part));
    const normals = surfaceNormals(coverage, lattice.shape, this.positions, members);
    const surface = new Surface(this.lifted(members, normals), normals);
    const light = new Float32Array(3 * members.length);
    const possible = new Float32Array(members.length).fill(1e-6);
    const seen = new Float32Array(members.length);
    for (const direction of environmentDirections()) {
      sweep.towards([...direction, 0], depth);
      surface.addEnvironment(sweep, direction, seen, possible);
    }
    surface.spread(seen, possible, shading.environment, light);
    for (const lamp of lampSamples(shading, lattice)) {
      sweep.towards([...lamp.place, 1], depth);
      surface.addLamp(sweep, lamp, light);
    }
    return light;
  }

  private lifted(members: Uint32Array, normals: Float32Array): Float32Array {
    return normals.map((part, i) => this.positions[3 * members[Math.floor(i / 3)] + (i % 3)] + LIFT * part);
  }
}

/** Points that rays start from, and how the matter there takes up light. */
class Surface {
  private readonly solidity: Float32Array;

  constructor(
    private readonly starts: Float32Array,
    private readonly normals: Float32Array,
  ) {
    this.solidity = new Float32Array(starts.length / 3);
    for (let q = 0; q < this.solidity.length; q++) {
      this.solidity[q] = Math.hypot(normals[3 * q], normals[3 * q + 1], normals[3 * q + 2]);
    }
  }

  /** Add the response to a ray from far away, and how much of it passes. */
  addEnvironment(sweep: Sweep, [u, v, w]: Vec3, seen: Float32Array, possible: Float32Array): void {
    const { starts } = this;
    for (let q = 0, p = 0; q < seen.length; q++, p += 3) {
      const response = this.response(q, u, v, w);
      possible[q] += response;
      seen[q] += response * sweep.at(starts[p] + GAP * u, starts[p + 1] + GAP * v, starts[p + 2] + GAP * w);
    }
  }

  /** Add the radiance of the environment, as much of it as is seen. */
  spread(seen: Float32Array, possible: Float32Array, radiance: Vec3, light: Float32Array): void {
    for (let q = 0; q < seen.length; q++) {
      const open = 1 - this.solidity[q] * (1 - MEAN_RESPONSE);
      for (let c = 0; c < 3; c++) light[3 * q + c] += (seen[q] / possible[q]) * open * radiance[c];
    }
  }

  addLamp(sweep: Sweep, { place, facing, weight }: LampSample, light: Float32Array): void {
    const { starts } = this;
    for (let q = 0, p = 0; p < light.length; q++, p += 3) {
      const [x, y, z] = [place[0] - starts[p], place[1] - starts[p + 1], place[2] - starts[p + 2]];
      const distance = Math.sqrt(x * x + y * y + z * z);
      const [u, v, w] = [x / distance, y / distance, z / distance];
      const cosine = Math.max(-(u * facing[0] + v * facing[1] + w * facing[2]), 0);
      const passed = sweep.at(starts[p] + GAP * u, starts[p + 1] + GAP * v, starts[p + 2] + GAP * w);
      const share = (passed * this.response(q, u, v, w) * cosine) / (distance * distance);
      for (let c = 0; c < 3; c++) light[p + c] += share * weight[c];
    }
  }

  /** 1 in the open, μ / (μ + μ_out) on a surface. */
  private response(q: number, u: number, v: number, w: number): number {
    const solidity = this.solidity[q];
    const { normals } = this;
    const projected = Math.max(u * normals[3 * q] + v * normals[3 * q + 1] + w * normals[3 * q + 2], 0);
    const cosine = projected / Math.max(solidity, 1e-6);
    return 1 - solidity + (solidity * cosine) / (cosine + EXIT_COSINE);
  }
}
