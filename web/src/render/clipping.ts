import type { Clipping } from "../state";
import { length } from "../vectors";
import { RendererError } from "./errors";
import type { Uniforms } from "./program";
import { MAX_PLANES } from "./programs";

/** Half spaces whose intersection stays: normal · p + offset ≥ 0, unit normals, four numbers each. */
export type Planes = readonly (readonly [number, number, number, number])[];

/** The planes of a state, those of the box included. */
export function planesOf({ planes, box }: Clipping): Planes {
  const all: [number, number, number, number][] = planes.map(({ normal, offset }) => {
    const size = length(normal);
    if (!(size > 0)) throw new RendererError("A clip plane needs a normal that is not zero.");
    return [normal[0] / size, normal[1] / size, normal[2] / size, offset / size];
  });
  if (box) {
    for (let axis = 0; axis < 3; axis++) {
      const normal = (sign: number) => [0, 1, 2].map((a) => (a === axis ? sign : 0)) as [number, number, number];
      all.push([...normal(1), -box[0][axis]], [...normal(-1), box[1][axis]]);
    }
  }
  if (all.length > MAX_PLANES) {
    throw new RendererError(`There are ${all.length} clip planes, the box's included; ${MAX_PLANES} can be drawn.`);
  }
  return all;
}

export function planeUniforms(planes: Planes): Uniforms {
  const numbers = new Float32Array(4 * MAX_PLANES);
  numbers.set(planes.flat());
  return { planes: numbers, planeCount: planes.length };
}
