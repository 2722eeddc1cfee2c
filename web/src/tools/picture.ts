import type { Camera } from "../render/camera";
import type { Vec3 } from "../vectors";
import { type Decorations, decorate } from "./decorations";
import type { Scene3D } from "./view3d";

/** More than this (8K) would need gigabytes of the browser's memory. */
export const MOST_PIXELS = 7680 * 4320;
export const LONGEST_SIDE = 16384;

/** Bytes of an image, colours not multiplied by opacity, from premultiplied floats. */
export function toImage(premultiplied: Float32Array, width: number, height: number): ImageData {
  const image = new ImageData(width, height);
  const { data } = image;
  for (let i = 0; i < data.length; i += 4) {
    const alpha = premultiplied[i + 3];
    const gain = alpha > 0 ? 255 / alpha : 0;
    // The array clamps and rounds.
    data[i] = premultiplied[i] * gain;
    data[i + 1] = premultiplied[i + 1] * gain;
    data[i + 2] = premultiplied[i + 2] * gain;
    data[i + 3] = alpha * 255;
  }
  return image;
}

/** A camera's picture on a canvas of its size, with what should be written over it; transparent without a background. */
export async function photograph(
  renderer: Scene3D,
  camera: Camera,
  background: Vec3 | null,
  decorations: Decorations,
  canvas = new OffscreenCanvas(camera.width, camera.height),
): Promise<OffscreenCanvas> {
  const pixels = await renderer.picture(camera, background ?? undefined);
  const context = canvas.getContext("2d")!;
  context.putImageData(toImage(pixels, camera.width, camera.height), 0, 0);
  decorate(context, camera, decorations);
  return canvas;
}
