import { Program } from "./program";
import appearance from "./shaders/appearance.frag?raw";
import composite from "./shaders/composite.frag?raw";
import face from "./shaders/face.frag?raw";
import finished from "./shaders/finished.frag?raw";
import present from "./shaders/present.frag?raw";
import probe from "./shaders/probe.frag?raw";
import project from "./shaders/project.frag?raw";
import ray from "./shaders/ray.glsl?raw";
import record from "./shaders/record.glsl?raw";
import screen from "./shaders/screen.vert?raw";
import slice from "./shaders/slice.glsl?raw";
import spans from "./shaders/spans.frag?raw";
import splatFragment from "./shaders/splat.frag?raw";
import splatVertex from "./shaders/splat.vert?raw";

/** Most planes, those of a clip box included, that can cut a scene at once. */
export const MAX_PLANES = 16;
/** Triangles per instance: drivers spend as much on an instance as on many triangles. */
export const BATCH = 128;

interface Source {
  vertex: readonly string[];
  fragment: readonly string[];
  defines?: Record<string, number>;
}

const onScreen = (...fragment: string[]): Source => ({ vertex: [screen], fragment });
const splat: Source = { vertex: [splatVertex], fragment: [splatFragment], defines: { BATCH } };
const clipped = (source: Source): Source => ({
  ...source,
  defines: { ...source.defines, CLIPPED: 1, PLANES: MAX_PLANES },
});

const SOURCES = {
  appearance: onScreen(record, appearance),
  project: onScreen(record, slice, project),
  projectClipped: clipped(onScreen(record, slice, project)),
  probe: onScreen(record, slice, probe),
  splat,
  splatClipped: clipped(splat),
  spans: clipped(onScreen(ray, spans)),
  face: onScreen(ray, face),
  composite: onScreen(composite),
  finished: onScreen(finished),
  present: onScreen(present),
} satisfies Record<string, Source>;

/** The programs of a context, each compiled when it is first used. */
export class Programs {
  private readonly compiled = new Map<string, Program>();

  constructor(private readonly gl: WebGL2RenderingContext) {}

  /**
   * Compile what every picture needs.
   *
   * @throws RendererError The graphics driver refuses a shader.
   */
  prepare(): void {
    for (const name of ["appearance", "project", "splat", "finished", "composite", "present"] as const) this.get(name);
  }

  get(name: keyof typeof SOURCES): Program {
    let program = this.compiled.get(name);
    if (!program) {
      const { vertex, fragment, defines }: Source = SOURCES[name];
      program = new Program(this.gl, vertex, fragment, defines);
      this.compiled.set(name, program);
    }
    return program;
  }
}
