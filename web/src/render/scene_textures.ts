import { RECORD_WORDS, type SceneHeader } from "../scene/types";
import { RendererError } from "./errors";
import type { Uniforms } from "./program";
import { type Resources, ROW, rowsFor, type Texture } from "./resources";

/** The records of all Gaussians on the graphics card. */
export class SceneTextures {
  readonly uniforms: Uniforms;
  private readonly records: Texture;

  constructor(
    private readonly resources: Resources,
    { count, bounds_mm: [low, high], direction_weight }: SceneHeader,
  ) {
    const { gl } = resources;
    const largest: number = gl.getParameter(gl.MAX_TEXTURE_SIZE);
    if (Math.max(4 * ROW, rowsFor(count)) > largest) {
      const most = largest < 4 * ROW ? 0 : largest * ROW;
      throw new RendererError(`This scene has ${count} Gaussians; this browser's graphics driver can hold ${most}.`);
    }
    this.records = resources.texture("words", 4 * ROW, rowsFor(count));
    this.uniforms = {
      records: this.records,
      boundsLow: low,
      boundsSize: [high[0] - low[0], high[1] - low[1], high[2] - low[2]],
      directionWeight: direction_weight,
    };
  }

  /** Write records as Gaussians start, start + 1, ... */
  write(start: number, words: Uint32Array): void {
    this.resources.write(this.records, start, words, RECORD_WORDS / 4);
  }
}
