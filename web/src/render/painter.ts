import type { SceneHeader, VolumeData } from "../scene/types";
import type { Window } from "../state";
import { Appearance, type Looks } from "./appearance";
import type { Camera } from "./camera";
import { type Planes, planeUniforms } from "./clipping";
import { FaceVolume } from "./face_volume";
import { Layers } from "./layers";
import type { Uniforms } from "./program";
import type { Programs } from "./programs";
import { Projection } from "./projection";
import { Resources } from "./resources";
import { SceneTextures } from "./scene_textures";
import type { Targets } from "./targets";
import { eyeOf, type Tile, viewUniforms } from "./view";

/** A picture to draw. */
export interface View {
  camera: Camera;
  tile: Tile;
  directional: boolean;
  looks: Looks;
  /** Only what all of them keep is drawn. */
  planes: Planes;
  /** Grey levels of the scan on the faces that planes cut, or null to leave them open. */
  face: Window | null;
}

/** Draws a scene into targets: all that happens on the graphics card. */
export class Painter {
  readonly scene: SceneTextures;
  readonly appearance: Appearance;
  private readonly resources: Resources;
  private readonly projection: Projection;
  private readonly layers: Layers;
  private volume: FaceVolume | null = null;
  private count = 0;

  constructor(
    private readonly gl: WebGL2RenderingContext,
    private readonly programs: Programs,
    header: SceneHeader,
  ) {
    this.resources = new Resources(gl);
    this.scene = new SceneTextures(this.resources, header);
    this.appearance = new Appearance(this.resources, programs, header);
    this.projection = new Projection(this.resources, programs, header.count);
    this.layers = new Layers(gl, programs);
  }

  /** Write records as Gaussians start, start + 1, ... */
  addGaussians(start: number, words: Uint32Array): void {
    this.scene.write(start, words);
    this.appearance.invalidate();
  }

  setOrder(order: Uint32Array): void {
    this.projection.setOrder(order);
    this.count = order.length;
  }

  /** Show the scan on cut faces. */
  setVolume(volume: VolumeData | null): void {
    this.volume?.dispose();
    this.volume = volume && new FaceVolume(this.gl, volume);
  }

  /** Draw the picture: its colour, and how much light passes through it. */
  paint(targets: Targets, view: View): void {
    const { gl, count, appearance } = this;
    const clipped = view.planes.length > 0;
    const uniforms = viewUniforms(view.camera, view.tile, eyeOf(view.camera, view.directional));
    const planes = clipped ? planeUniforms(view.planes) : {};
    appearance.update(this.scene, view.looks);
    const looks = { appearance: appearance.texture, fidelity: view.looks.fidelity };
    this.projection.run(count, clipped, this.scene.uniforms, uniforms, planes, looks);
    gl.viewport(0, 0, targets.width, targets.height);
    if (clipped) this.findSpans(targets, uniforms, planes);
    gl.bindFramebuffer(gl.FRAMEBUFFER, targets.pictureBuffer);
    gl.clearColor(0, 0, 0, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    // What the planes keep is convex: on every ray, all of it lies between the face entered and the face left.
    if (clipped) this.paintFace(targets, view.face, uniforms, false);
    this.layers.draw(targets, this.projection, count, clipped);
    if (clipped) this.paintFace(targets, view.face, uniforms, true);
  }

  dispose(): void {
    this.resources.dispose();
    this.volume?.dispose();
  }

  private findSpans(targets: Targets, view: Uniforms, planes: Uniforms): void {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, targets.spansBuffer);
    this.programs.get("spans").use(view, planes);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  private paintFace(targets: Targets, window: Window | null, view: Uniforms, leaving: boolean): void {
    const { volume, appearance } = this;
    if (!volume || !window) return;
    const scan = volume.shownIn(window);
    this.layers.putBehind(targets, "face", view, scan, { spans: targets.spans, organs: appearance.organs, leaving });
  }
}
