import type { Uniforms } from "./program";
import type { Programs } from "./programs";
import { type Resources, ROW, rowsFor, type Texture } from "./resources";

/** Slices and projects every Gaussian once per view, in the order of drawing. */
export class Projection {
  readonly uniforms: Uniforms;
  private readonly framebuffer: WebGLFramebuffer;
  private readonly clippedFramebuffer: WebGLFramebuffer;
  private readonly order: Texture;

  constructor(
    private readonly resources: Resources,
    private readonly programs: Programs,
    capacity: number,
  ) {
    const [first, second, depths] = [0, 1, 2].map(() => resources.texture("words", ROW, rowsFor(capacity)));
    this.uniforms = { first, second, depths };
    this.framebuffer = resources.framebuffer([first, second]);
    this.clippedFramebuffer = resources.framebuffer([first, second, depths]);
    this.order = resources.texture("indices", ROW, rowsFor(capacity));
  }

  /** Draw in this order from now on: indices of Gaussians, the farthest first. */
  setOrder(order: Uint32Array): void {
    this.resources.write(this.order, 0, order);
  }

  /** Project the first `count` Gaussians of the order. */
  run(count: number, clipped: boolean, ...uniforms: Uniforms[]): void {
    const { gl } = this.resources;
    gl.bindFramebuffer(gl.FRAMEBUFFER, clipped ? this.clippedFramebuffer : this.framebuffer);
    gl.viewport(0, 0, ROW, rowsFor(count));
    this.programs.get(clipped ? "projectClipped" : "project").use(...uniforms, { order: this.order, count });
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }
}
