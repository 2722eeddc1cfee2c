import type { Uniforms } from "./program";
import { BATCH, type Programs } from "./programs";
import type { Projection } from "./projection";
import type { Targets } from "./targets";

type GL = WebGL2RenderingContext;

/** Fewer Gaussians than this are not worth a layer of their own. */
const LAYER_MIN = 8192;
const LAYERS_MAX = 6;

/**
 * Draws projected Gaussians behind what a picture shows already, layer by layer from the front; pixels that are
 * finished are spared the layers behind.
 *
 * Within a layer the farthest comes first. Half floats then lose no light: what is added is never small beside what is
 * there, as it would be at the end of a long sum from the front.
 */
export class Layers {
  constructor(
    private readonly gl: GL,
    private readonly programs: Programs,
  ) {}

  /** Draw the first `count` projected Gaussians. */
  draw(targets: Targets, projection: Projection, count: number, clipped: boolean): void {
    const { gl } = this;
    const layers = Math.min(LAYERS_MAX, Math.max(1, Math.ceil(count / LAYER_MIN)));
    for (let k = layers - 1; k >= 0; k--) {
      gl.bindFramebuffer(gl.FRAMEBUFFER, targets.layerBuffer);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
      gl.enable(gl.DEPTH_TEST);
      if (k < layers - 1 || clipped) this.markFinished(targets, clipped);
      const start = Math.floor((count * k) / layers);
      const end = Math.floor((count * (k + 1)) / layers);
      this.drawLayer(targets, projection, start, end, clipped);
      gl.disable(gl.DEPTH_TEST);
      this.putBehind(targets, "composite", { layer: targets.layer });
    }
  }

  /** Put depth 0 wherever nothing behind could be seen. */
  private markFinished(targets: Targets, clipped: boolean): void {
    const { gl } = this;
    gl.colorMask(false, false, false, false);
    this.programs.get("finished").use({ picture: targets.picture, spans: targets.spans, clipped });
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.colorMask(true, true, true, true);
  }

  private drawLayer(targets: Targets, projection: Projection, start: number, end: number, clipped: boolean): void {
    const { gl } = this;
    gl.depthMask(false);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    const program = this.programs.get(clipped ? "splatClipped" : "splat");
    program.use(projection.uniforms, { start, end, size: [targets.width, targets.height], spans: targets.spans });
    gl.drawArraysInstanced(gl.TRIANGLES, 0, 3 * BATCH, Math.ceil((end - start) / BATCH));
    gl.disable(gl.BLEND);
    gl.depthMask(true);
  }

  /** Draw what a program gives for every pixel behind what the picture shows already. */
  putBehind(targets: Targets, program: "composite" | "face", ...uniforms: Uniforms[]): void {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, targets.pictureBuffer);
    gl.enable(gl.BLEND);
    gl.blendFuncSeparate(gl.DST_ALPHA, gl.ONE, gl.ZERO, gl.ONE_MINUS_SRC_ALPHA);
    this.programs.get(program).use(...uniforms);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.disable(gl.BLEND);
  }
}
