import { drawing } from "../page/dom";
import type { Projection } from "../tools/marks";
import type { Vec3 } from "../vectors";
import { PLANE_NAMES, type PlaneName } from "./planes";

/** World axis along which a plane is moved. */
const NORMALS: Record<PlaneName, 0 | 1 | 2> = { axial: 2, coronal: 1, sagittal: 0 };

/** Where the three slices lie in the 3D view: thin frames on the walls of the volume's box. */
export function sliceOutlines(box: readonly [Vec3, Vec3], crosshair: Vec3, project: Projection): SVGElement[] {
  return PLANE_NAMES.flatMap((name) => {
    const axis = NORMALS[name];
    if (crosshair[axis] < box[0][axis] || crosshair[axis] > box[1][axis]) return [];
    const places = corners(box, axis, crosshair[axis]).map(project);
    // A frame that reaches behind the camera has no outline in the picture.
    if (places.some((place) => place === null)) return [];
    return [drawing("polygon", { points: places.join(" "), class: `slice-outline ${name}` })];
  });
}

/** Corners of the box's cross section at a place along an axis, one after the other. */
function corners([low, high]: readonly [Vec3, Vec3], axis: 0 | 1 | 2, at: number): Vec3[] {
  const [u, v] = [0, 1, 2].filter((other) => other !== axis);
  return [
    [low, low],
    [high, low],
    [high, high],
    [low, high],
  ].map(([first, second]) => {
    const corner: [number, number, number] = [at, at, at];
    corner[u] = first[u];
    corner[v] = second[v];
    return corner;
  });
}
