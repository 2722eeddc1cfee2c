import type { VolumeData, VolumeHeader } from "../scene/types";
import { Grid } from "../slices/grid";
import type { Window } from "../state";
import type { Vec3 } from "../vectors";
import type { Uniforms } from "./program";
import { Resources } from "./resources";

/** The largest stored number; half floats reach hardly further. */
const LARGEST = 65535;

/** The scan on the graphics card, for cut faces. */
export class FaceVolume {
  private readonly resources: Resources;
  private readonly uniforms: Uniforms;

  constructor(
    gl: WebGL2RenderingContext,
    private readonly volume: VolumeData,
  ) {
    const { header, values, labels } = volume;
    this.resources = new Resources(gl);
    const halves = toHalves(values, zeroOf(header));
    this.uniforms = {
      values: this.resources.volume("halves", header.shape, halves),
      labels: this.resources.volume("labels", header.shape, labels),
      worldToIndex: worldToIndex(new Grid(header)),
    };
  }

  /** What the face shader needs to show the scan in a window. */
  shownIn({ level, width }: Window): Uniforms {
    const { header } = this.volume;
    const black = ((level - width / 2 - header.value_offset) / header.value_scale - zeroOf(header)) / LARGEST;
    return { ...this.uniforms, grey: [black, (LARGEST * header.value_scale) / Math.max(width, 1e-6)] };
  }

  dispose(): void {
    this.resources.dispose();
  }
}

/** The stored number nearest to value 0: half floats are finest there, where CT has its soft tissue. */
function zeroOf({ value_offset, value_scale }: VolumeHeader): number {
  return Math.min(Math.max(Math.round(-value_offset / value_scale), 0), LARGEST);
}

/** (u − zero) / 65535 of every stored number u, as half floats. */
function toHalves(values: Uint16Array, zero: number): Uint16Array {
  const table = new Uint16Array(LARGEST + 1);
  for (let u = 0; u <= LARGEST; u++) table[u] = toHalf((u - zero) / LARGEST);
  return values.map((u) => table[u]);
}

/** The half float nearest to a number of −1..1. */
function toHalf(x: number): number {
  const sign = x < 0 ? 0x8000 : 0;
  const size = Math.abs(x);
  const exponent = Math.max(Math.floor(Math.log2(size)), -14);
  const steps = Math.round(size / 2 ** (exponent - 10));
  // Below 2^−14 numbers are subnormal; rounding up to 2048 steps carries into the exponent, as it should.
  return sign | (size < 2 ** -14 ? steps : ((exponent + 14) << 10) + steps);
}

function worldToIndex(grid: Grid): number[] {
  const origin = grid.toIndex([0, 0, 0]);
  const axes = (
    [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ] as Vec3[]
  ).map((axis) => grid.indexDirection(axis));
  const rows = [0, 1, 2].flatMap((row) => [axes[0][row], axes[1][row], axes[2][row], origin[row]]);
  return [...rows, 0, 0, 0, 1];
}
