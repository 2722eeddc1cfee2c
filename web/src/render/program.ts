import { RendererError } from "./errors";
import type { Texture } from "./resources";

type GL = WebGL2RenderingContext;
type UniformValue = number | boolean | readonly number[] | Float32Array | Texture | WebGLTexture | null;
/** Values by the names that they have in the shaders; names that a shader does not use are passed over. */
export type Uniforms = Record<string, UniformValue>;

const HEADER =
  "#version 300 es\nprecision highp float;\nprecision highp int;\nprecision highp sampler2D;\nprecision highp sampler3D;\n";

/** A linked program whose uniforms are set by name. */
export class Program {
  private readonly handle: WebGLProgram;
  private readonly setters = new Map<string, (value: UniformValue) => void>();

  /**
   * @param parts GLSL without the version line, put together in order.
   * @param defines Preprocessor constants.
   */
  constructor(
    private readonly gl: GL,
    vertex: readonly string[],
    fragment: readonly string[],
    defines: Record<string, number> = {},
  ) {
    const lines = Object.entries(defines).map(([name, value]) => `#define ${name} ${value}\n`);
    const head = HEADER + lines.join("");
    this.handle = gl.createProgram();
    const shaders = [
      this.compile(gl.VERTEX_SHADER, head + vertex.join("\n")),
      this.compile(gl.FRAGMENT_SHADER, head + fragment.join("\n")),
    ];
    gl.linkProgram(this.handle);
    if (!gl.getProgramParameter(this.handle, gl.LINK_STATUS) && !gl.isContextLost()) {
      const reasons = shaders.map((shader) => gl.getShaderInfoLog(shader)).join("\n");
      throw new RendererError(
        `This browser's graphics driver refused a shader: ${gl.getProgramInfoLog(this.handle)}${reasons}`,
      );
    }
    for (const shader of shaders) gl.deleteShader(shader);
    this.collectUniforms();
  }

  /** Make this the program in use and set its uniforms; textures take the units in the order of the shader. */
  use(...values: Uniforms[]): void {
    this.gl.useProgram(this.handle);
    for (const group of values) for (const [name, value] of Object.entries(group)) this.setters.get(name)?.(value);
  }

  private compile(type: number, source: string): WebGLShader {
    const shader = this.gl.createShader(type)!;
    this.gl.shaderSource(shader, source);
    this.gl.compileShader(shader);
    this.gl.attachShader(this.handle, shader);
    return shader;
  }

  private collectUniforms(): void {
    const { gl, handle } = this;
    const count: number = gl.getProgramParameter(handle, gl.ACTIVE_UNIFORMS) ?? 0;
    let unit = 0;
    gl.useProgram(handle);
    for (let k = 0; k < count; k++) {
      const { name, type } = gl.getActiveUniform(handle, k)!;
      const location = gl.getUniformLocation(handle, name)!;
      const target = samplerTarget(gl, type);
      if (target) gl.uniform1i(location, unit);
      const set = target ? textureSetter(gl, target, unit++) : valueSetter(gl, type, location);
      this.setters.set(name.replace("[0]", ""), set);
    }
  }
}

function samplerTarget(gl: GL, type: number): number {
  if (type === gl.SAMPLER_2D || type === gl.UNSIGNED_INT_SAMPLER_2D) return gl.TEXTURE_2D;
  if (type === gl.SAMPLER_3D || type === gl.UNSIGNED_INT_SAMPLER_3D) return gl.TEXTURE_3D;
  return 0;
}

function textureSetter(gl: GL, target: number, unit: number): (value: UniformValue) => void {
  return (value) => {
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(
      target,
      value && typeof value === "object" && "handle" in value ? value.handle : (value as WebGLTexture | null),
    );
  };
}

function valueSetter(gl: GL, type: number, at: WebGLUniformLocation): (value: UniformValue) => void {
  switch (type) {
    case gl.INT:
    case gl.BOOL:
      return (value) => gl.uniform1i(at, Number(value));
    case gl.FLOAT:
      return (value) => gl.uniform1f(at, value as number);
    case gl.FLOAT_VEC2:
      return (value) => gl.uniform2fv(at, value as Float32Array);
    case gl.FLOAT_VEC3:
      return (value) => gl.uniform3fv(at, value as Float32Array);
    case gl.FLOAT_VEC4:
      return (value) => gl.uniform4fv(at, value as Float32Array);
    case gl.FLOAT_MAT3:
      // Matrices are written row by row here.
      return (value) => gl.uniformMatrix3fv(at, true, value as Float32Array);
    case gl.FLOAT_MAT4:
      return (value) => gl.uniformMatrix4fv(at, true, value as Float32Array);
    default:
      throw new RendererError(`A shader has a uniform of a type that is not set here: ${type}`);
  }
}
