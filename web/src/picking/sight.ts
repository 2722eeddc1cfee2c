import type { Looks } from "../render/appearance";
import type { Camera } from "../render/camera";
import type { Planes } from "../render/clipping";
import { eyeOf } from "../render/view";
import type { SceneHeader } from "../scene/types";
import type { Sight } from "./ray";
import type { Recolouring } from "./recolouring";
import { rayThrough, spanOf } from "./span";

/** The look through one pixel of a camera's picture, at what the picture shows. */
export function sightThrough(
  header: SceneHeader,
  view: { camera: Camera; directional: boolean; looks: Looks; planes: Planes },
  x: number,
  y: number,
): Sight {
  const { camera, directional, looks, planes } = view;
  return {
    camera,
    eye: eyeOf(camera, directional),
    x,
    y,
    directionWeight: header.direction_weight,
    span: spanOf(rayThrough(camera, x, y), planes),
    organs: looks.organs,
    recolouring: recolouringOf(header, looks),
  };
}

function recolouringOf({ organs, shading, value_range }: SceneHeader, { transfer }: Looks): Recolouring | null {
  if (!transfer || !shading || !value_range) return null;
  const groups = new Uint8Array(256);
  for (const { id, group_index } of organs) groups[id] = group_index;
  return { shown: transfer, original: shading.functions, groups, valueRange: value_range };
}
