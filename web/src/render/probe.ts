import type { Uniforms } from "./program";
import type { Programs } from "./programs";
import { Resources, ROW, rowsFor } from "./resources";

/** Every Gaussian as the shaders slice and colour it for one eye. */
export interface Probed {
  /** [N, 3] */
  means: Float32Array;
  /** [N] */
  opacities: Float32Array;
  /** [N, 3] */
  colours: Float32Array;
}

/** Read back what the shaders make of the first `count` Gaussians; for tests. */
export function probe(gl: WebGL2RenderingContext, programs: Programs, count: number, ...uniforms: Uniforms[]): Probed {
  const resources = new Resources(gl);
  const rows = rowsFor(count);
  const textures = [0, 1].map(() => resources.texture("words", ROW, rows));
  resources.framebuffer(textures);
  gl.viewport(0, 0, ROW, rows);
  programs.get("probe").use(...uniforms);
  gl.drawArrays(gl.TRIANGLES, 0, 3);
  const [first, second] = textures.map((_, k) => {
    const words = new Uint32Array(4 * ROW * rows);
    gl.readBuffer(gl.COLOR_ATTACHMENT0 + k);
    gl.readPixels(0, 0, ROW, rows, gl.RGBA_INTEGER, gl.UNSIGNED_INT, words);
    return new Float32Array(words.buffer);
  });
  resources.dispose();
  const columns = (numbers: Float32Array, start: number, size: number) =>
    Float32Array.from({ length: count * size }, (_, k) => numbers[4 * Math.floor(k / size) + start + (k % size)]);
  return { means: columns(first, 0, 3), opacities: columns(first, 3, 1), colours: columns(second, 0, 3) };
}
