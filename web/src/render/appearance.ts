import { transferTable } from "../scene/transfer";
import type { SceneHeader, TransferFunctions } from "../scene/types";
import { errorTable } from "./error_map";
import type { Programs } from "./programs";
import { type Resources, ROW, rowsFor, type Texture } from "./resources";
import type { SceneTextures } from "./scene_textures";

/** Values at which transfer functions are tabulated: one per HU or so over the range of CT. */
const STEPS = 4096;

/** What colours and opacities depend on besides the view; parts are compared by identity. */
export interface Looks {
  /** By label id, 0..1. */
  organs: Float32Array;
  /** null: as in the scene. */
  transfer: TransferFunctions | null;
  /** [N, 3] J, or null: as in the scene. */
  light: Float32Array | null;
  /** Coloured by error, whatever else the colours would be. */
  fidelity: boolean;
}

/**
 * Recolours and relights every Gaussian into a texture, when something changed.
 *
 * Each Gaussian has two words: three snorm16 of colour to add (or to take, where it is coloured by error), and its
 * opacity as unorm16.
 */
export class Appearance {
  readonly texture: Texture;
  private readonly framebuffer: WebGLFramebuffer;
  /** Opacity and group of every label. */
  readonly organs: Texture;
  private readonly shown: Texture | null;
  private readonly original: Texture | null;
  private readonly groups: number;
  private light: Texture | null = null;
  /** A byte for every Gaussian, and the colour of every byte. */
  private errors: Texture | null = null;
  private errorColors: Texture | null = null;
  private applied: Looks | null = null;

  constructor(
    private readonly resources: Resources,
    private readonly programs: Programs,
    private readonly header: SceneHeader,
  ) {
    this.texture = resources.texture("wordPairs", ROW, rowsFor(header.count));
    this.framebuffer = resources.framebuffer([this.texture]);
    this.organs = resources.texture("floats", 256, 1);
    this.groups = 1 + Math.max(0, ...header.organs.map((organ) => organ.group_index));
    const functions = header.shading?.functions;
    this.original = functions ? this.createTable(functions) : null;
    this.shown = functions ? this.createTable(functions) : null;
  }

  /** Gaussians were added: they have no looks yet. */
  invalidate(): void {
    this.applied = null;
  }

  /** Take in the errors of all Gaussians, a byte for each. */
  setErrors(errors: Uint8Array): void {
    const { gl } = this.resources;
    this.errors ??= this.resources.texture("labels", ROW, rowsFor(this.header.count));
    this.resources.write(this.errors, 0, errors);
    this.errorColors ??= this.resources.texture("floats", 256, 1);
    gl.bindTexture(gl.TEXTURE_2D, this.errorColors.handle);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, 256, 1, gl.RGBA, gl.FLOAT, errorTable());
    this.invalidate();
  }

  /** Compute the looks of all Gaussians anew if they are not these. */
  update(scene: SceneTextures, looks: Looks): void {
    const { applied } = this;
    const { gl } = this.resources;
    if (applied && (Object.keys(looks) as (keyof Looks)[]).every((part) => applied[part] === looks[part])) return;
    const recoloured = looks.transfer !== null && this.shown !== null;
    if (recoloured && applied?.transfer !== looks.transfer) this.fillTable(this.shown!, looks.transfer!);
    if (looks.light && applied?.light !== looks.light) this.writeLight(looks.light);
    this.writeOrgans(looks.organs);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.framebuffer);
    gl.viewport(0, 0, ROW, rowsFor(this.header.count));
    this.programs.get("appearance").use(scene.uniforms, {
      organs: this.organs,
      // Some texture must be there, also where it is not looked at.
      shown: this.shown ?? this.organs,
      original: this.original ?? this.organs,
      light: this.light ?? this.organs,
      errors: this.errors ?? scene.uniforms.records,
      errorColors: this.errorColors ?? this.organs,
      fidelity: looks.fidelity,
      recoloured,
      relit: looks.light !== null && this.original !== null,
      multipleScattering: this.header.shading?.multiple_scattering ?? 0,
    });
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    this.applied = looks;
  }

  private createTable(functions: TransferFunctions): Texture {
    const texture = this.resources.texture("floats", STEPS, this.groups);
    this.fillTable(texture, functions);
    return texture;
  }

  private fillTable(texture: Texture, functions: TransferFunctions): void {
    const { groups } = this;
    const { gl } = this.resources;
    const [low, high] = this.header.value_range!;
    const table = transferTable(functions, groups, low, high, STEPS);
    gl.bindTexture(gl.TEXTURE_2D, texture.handle);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, STEPS, groups, gl.RGBA, gl.FLOAT, table);
  }

  private writeOrgans(opacities: Float32Array): void {
    const { gl } = this.resources;
    const table = new Float32Array(256 * 4);
    for (let label = 0; label < 256; label++) table[4 * label] = opacities[label];
    for (const { id, group_index } of this.header.organs) table[4 * id + 1] = group_index;
    gl.bindTexture(gl.TEXTURE_2D, this.organs.handle);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, 256, 1, gl.RGBA, gl.FLOAT, table);
  }

  private writeLight(light: Float32Array): void {
    this.light ??= this.resources.texture("halfLight", ROW, rowsFor(this.header.count));
    this.resources.write(this.light, 0, light);
  }
}
