import type { Eye } from "../sorting/depths";
import type { Camera } from "./camera";
import type { Uniforms } from "./program";

/** Part of a picture, in pixels. */
export interface Tile {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Nearer Gaussians are not drawn; an orthographic camera has no place from which something could be near. */
const NEAR_MM = 1;
/** The projection is linearised no further out than this multiple of the view's half width. */
const FRUSTUM_MARGIN = 1.3;

export const wholeOf = (camera: Camera): Tile => ({ x: 0, y: 0, width: camera.width, height: camera.height });

/** From where and how Gaussians are sliced. */
export function eyeOf(camera: Camera, directional: boolean): Eye {
  const [, , , , , , x, y, z] = camera.rotation;
  return { position: camera.position, forward: [x, y, z], orthographic: camera.orthographic, directional };
}

/** Lowest and highest x/z, then y/z, at which the perspective is linearised (Python's `frustum_limits`). */
export function slopeLimits(camera: Camera): [number, number, number, number] {
  const limits = (focal: number, center: number, size: number) => {
    const margin = ((FRUSTUM_MARGIN - 1) * size) / (2 * focal);
    return [-center / focal - margin, (size - center) / focal + margin] as const;
  };
  return [...limits(camera.fx, camera.cx, camera.width), ...limits(camera.fy, camera.cy, camera.height)];
}

/** What the shaders need to know of a camera that draws one tile of its picture. */
export function viewUniforms(camera: Camera, tile: Tile, eye: Eye): Uniforms {
  return {
    eye: eye.position,
    forward: eye.forward,
    orthographic: eye.orthographic,
    directional: eye.directional,
    rotation: camera.rotation,
    focal: [camera.fx, camera.fy],
    center: [camera.cx - tile.x, camera.cy - tile.y],
    limits: slopeLimits(camera),
    near: camera.orthographic ? -1e30 : NEAR_MM,
    size: [tile.width, tile.height],
  };
}

/** The same camera with a picture `factor` times as large. */
export function resized(camera: Camera, factor: number): Camera {
  const width = Math.max(1, Math.round(camera.width * factor));
  const height = Math.max(1, Math.round(camera.height * factor));
  const [sx, sy] = [width / camera.width, height / camera.height];
  return {
    ...camera,
    width,
    height,
    fx: camera.fx * sx,
    fy: camera.fy * sy,
    cx: camera.cx * sx,
    cy: camera.cy * sy,
  };
}
