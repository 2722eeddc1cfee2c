import type { Accumulation } from "./context";
import { Resources, type Texture } from "./resources";

/** What a picture of one size is drawn into; the first row is the top one. */
export class Targets {
  /** Colour premultiplied, and how much light still passes. */
  readonly picture: Texture;
  /** Gaussians of one layer: colour premultiplied, and alpha. */
  readonly layer: Texture;
  /** Where each pixel's ray enters and leaves what the clip planes keep. */
  readonly spans: Texture;
  readonly pictureBuffer: WebGLFramebuffer;
  readonly layerBuffer: WebGLFramebuffer;
  readonly spansBuffer: WebGLFramebuffer;
  private readonly resources: Resources;

  constructor(
    gl: WebGL2RenderingContext,
    readonly width: number,
    readonly height: number,
    private readonly accumulation: Accumulation,
  ) {
    const resources = new Resources(gl);
    this.resources = resources;
    this.picture = resources.texture(accumulation, width, height);
    this.layer = resources.texture(accumulation, width, height);
    this.spans = resources.texture("wordPairs", width, height);
    this.pictureBuffer = resources.framebuffer([this.picture]);
    this.layerBuffer = resources.framebuffer([this.layer], resources.depth(width, height));
    this.spansBuffer = resources.framebuffer([this.spans]);
  }

  /** Read the picture: RGBA premultiplied, rows from top to bottom. */
  read(): Float32Array<ArrayBuffer> {
    const { width, height } = this;
    const { gl } = this.resources;
    const pixels = new Float32Array(4 * width * height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.pictureBuffer);
    if (this.accumulation !== "byteColours") gl.readPixels(0, 0, width, height, gl.RGBA, gl.FLOAT, pixels);
    else {
      const bytes = new Uint8Array(pixels.length);
      gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
      for (let k = 0; k < bytes.length; k++) pixels[k] = bytes[k] / 255;
    }
    for (let k = 3; k < pixels.length; k += 4) pixels[k] = 1 - pixels[k];
    return pixels;
  }

  dispose(): void {
    this.resources.dispose();
  }
}
