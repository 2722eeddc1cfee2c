import type { PlacedVolume } from "../slices/grid";
import { samplePoint } from "../slices/sampling";
import type { Vec3 } from "../vectors";
import type { Hit, Sight } from "./ray";
import { FAR, pointAt, rayThrough } from "./span";

/** What is seen at a place of the picture. */
export interface Pick {
  /** World, mm. */
  point: Vec3;
  label: number;
  /** The scan's value there, or else that of the Gaussian seen; null where the scene has none. */
  value: number | null;
  /** mm along the viewing axis. */
  depth: number;
}

/** A face is picked rather than what lies behind it where its organ is at least this opaque. */
const OPAQUE = 0.5;

/**
 * Find what is seen along a sight.
 *
 * @param meet Blends the Gaussians along the ray.
 * @param gaussianValue The value of a Gaussian.
 * @param scan null: there is none.
 * @param faces Whether cut faces show the scan.
 */
export async function pick(
  sight: Sight,
  meet: (sight: Sight) => Promise<Hit | null>,
  gaussianValue: (index: number) => number | null,
  scan: PlacedVolume | null,
  faces: boolean,
): Promise<Pick | null> {
  const [enters, leaves] = sight.span;
  if (enters >= leaves) return null;
  const entered = faces && pickFace(sight, scan, enters);
  if (entered) return entered;
  const hit = await meet(sight);
  if (!hit) return (faces && pickFace(sight, scan, leaves)) || null;
  const point = pointAt(rayThrough(sight.camera, sight.x, sight.y), hit.depth);
  const sample = scan && samplePoint(scan, point);
  return { point, label: hit.label, value: sample?.value ?? gaussianValue(hit.index), depth: hit.depth };
}

/** The scan on a cut face, where it is shown. */
function pickFace(sight: Sight, scan: PlacedVolume | null, depth: number): Pick | null {
  const inFront = sight.camera.orthographic || depth > 0;
  if (!scan || Math.abs(depth) >= FAR || !inFront) return null;
  const point = pointAt(rayThrough(sight.camera, sight.x, sight.y), depth);
  const sample = samplePoint(scan, point);
  if (!sample || sample.label === 0 || sight.organs[sample.label] < OPAQUE) return null;
  return { point, label: sample.label, value: sample.value, depth };
}
