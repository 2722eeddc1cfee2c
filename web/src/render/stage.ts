import type { SceneHeader } from "../scene/types";
import type { Vec3 } from "../vectors";
import type { Camera } from "./camera";
import type { Accumulation } from "./context";
import { Painter, type View } from "./painter";
import { type Probed, probe } from "./probe";
import type { Programs } from "./programs";
import { Targets } from "./targets";

/** Larger pictures are drawn in tiles. */
const TILE_MAX = 2048;

/** A scene on the graphics card; to be made anew when the context was lost. */
export class Stage {
  readonly painter: Painter;
  private targets: Targets | null = null;

  constructor(
    readonly gl: WebGL2RenderingContext,
    readonly programs: Programs,
    header: SceneHeader,
    private readonly accumulation: Accumulation,
  ) {
    this.painter = new Painter(gl, programs, header);
  }

  /** Draw a picture and stretch it over the canvas. */
  present(view: Omit<View, "tile">, background: Vec3): void {
    const { gl } = this;
    const { width, height } = view.camera;
    if (this.targets?.width !== width || this.targets.height !== height) {
      this.targets?.dispose();
      this.targets = new Targets(gl, width, height, this.accumulation);
    }
    this.painter.paint(this.targets, { ...view, tile: { x: 0, y: 0, width, height } });
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    const canvas = [gl.drawingBufferWidth, gl.drawingBufferHeight] as const;
    gl.viewport(0, 0, ...canvas);
    this.programs.get("present").use({ picture: this.targets.picture, canvas, background });
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  /** Read back what the shaders make of every Gaussian. */
  probe(count: number, position: Vec3, forward: Vec3 | null, view: Pick<View, "directional" | "looks">): Probed {
    const { painter } = this;
    const uniforms = {
      eye: position,
      forward: forward ?? [0, 0, 1],
      orthographic: forward !== null,
      directional: view.directional,
    };
    painter.appearance.update(painter.scene, view.looks);
    return probe(this.gl, this.programs, count, painter.scene.uniforms, uniforms, {
      appearance: painter.appearance.texture,
      fidelity: view.looks.fidelity,
    });
  }

  /** Draw a picture of any size: RGBA premultiplied, rows from top to bottom. */
  picture(view: Omit<View, "tile">, order: Uint32Array): Float32Array<ArrayBuffer> {
    const { width, height }: Camera = view.camera;
    const pixels = new Float32Array(4 * width * height);
    this.painter.setOrder(order);
    for (let y = 0; y < height; y += TILE_MAX) {
      for (let x = 0; x < width; x += TILE_MAX) {
        const tile = { x, y, width: Math.min(TILE_MAX, width - x), height: Math.min(TILE_MAX, height - y) };
        const targets = new Targets(this.gl, tile.width, tile.height, this.accumulation);
        this.painter.paint(targets, { ...view, tile });
        const part = targets.read();
        targets.dispose();
        for (let row = 0; row < tile.height; row++) {
          const start = 4 * row * tile.width;
          pixels.set(part.subarray(start, start + 4 * tile.width), 4 * ((y + row) * width + x));
        }
      }
    }
    return pixels;
  }

  dispose(): void {
    this.targets?.dispose();
    this.painter.dispose();
  }
}
