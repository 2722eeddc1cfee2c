import type { Orbit, Store } from "../state";
import { add, scale, subtract } from "../vectors";

const DURATION_MS = 700;

/** Part of the way between two orbits, by the shorter turn; distances grow and shrink evenly. */
function between(from: Orbit, to: Orbit, part: number): Orbit {
  const mix = (a: number, b: number) => a + (b - a) * part;
  const turn = ((((to.azimuth - from.azimuth) % 360) + 540) % 360) - 180;
  return {
    target: add(from.target, scale(subtract(to.target, from.target), part)),
    distance: from.distance * (to.distance / from.distance) ** part,
    azimuth: (from.azimuth + turn * part + 360) % 360,
    elevation: mix(from.elevation, to.elevation),
    fov: mix(from.fov, to.fov),
    projection: to.projection,
  };
}

/** Fly to an orbit, or be there at once where the person wants no motion; ends early when something else moves the camera. */
export async function flyTo(store: Store, orbit: Orbit): Promise<void> {
  const from = store.state.orbit;
  const start = performance.now();
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let last = from;
  for (let part = still ? 1 : 0; part < 1; ) {
    const now = await new Promise<number>(requestAnimationFrame);
    if (store.state.orbit !== last) return;
    part = Math.min(Math.max((now - start) / DURATION_MS, 0), 1);
    last = between(from, orbit, part * part * (3 - 2 * part));
    store.set({ orbit: last });
  }
  store.set({ orbit });
}
