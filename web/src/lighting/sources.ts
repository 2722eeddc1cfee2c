import type { Shading } from "../scene/types";
import { add, length, scale, type Vec3 } from "../vectors";
import type { Lattice } from "./lattice";

/** Rays towards the environment, and places on the edge of a light, squared. */
const N_DIRECTIONS = 14;
const PER_EDGE = 2;
const GOLDEN_ANGLE = Math.PI * (3 - Math.sqrt(5));

/** A place on a light; lengths in cells. */
export interface LampSample {
  place: Vec3;
  /** Unit vector to which the light shines. */
  facing: Vec3;
  /** Radiance · area / (4π n²). */
  weight: Vec3;
}

/** Evenly spread unit vectors; Python's `fibonacci_directions`. */
export function environmentDirections(): Vec3[] {
  return Array.from({ length: N_DIRECTIONS }, (_, i) => {
    const height = 1 - (2 * (i + 0.5)) / N_DIRECTIONS;
    const radius = Math.sqrt(1 - height * height);
    return [radius * Math.cos(GOLDEN_ANGLE * i), radius * Math.sin(GOLDEN_ANGLE * i), height];
  });
}

/** Python's `PlacedLights.samples`. */
export function lampSamples({ lights }: Shading, { origin, edge }: Lattice): LampSample[] {
  const ticks = Array.from({ length: PER_EDGE }, (_, i) => ((i + 0.5) / PER_EDGE) * 2 - 1);
  return lights.flatMap(({ center_mm, half_edges_mm: [along, across], normal, radiance }) => {
    const area = 4 * length(along) * length(across);
    const weight = scale(radiance, area / (4 * Math.PI * PER_EDGE ** 2 * edge ** 2));
    return ticks.flatMap((u) =>
      ticks.map((v) => {
        const place = add(add(center_mm, scale(along, u)), scale(across, v));
        return { place: scale(add(place, scale(origin, -1)), 1 / edge), facing: normal, weight };
      }),
    );
  });
}
