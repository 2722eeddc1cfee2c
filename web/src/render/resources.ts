type GL = WebGL2RenderingContext;

/** Items (Gaussians, ranks) in a row of every texture that holds one texel, or four, for each of them. */
export const ROW = 1024;

export const rowsFor = (count: number): number => Math.max(1, Math.ceil(count / ROW));

interface Format {
  internal: number;
  format: number;
  type: number;
  /** Numbers in a texel. */
  size: number;
}

/** A 2D texture and what is in it. */
export interface Texture {
  readonly handle: WebGLTexture;
  readonly format: Format;
}

/** Makes textures and framebuffers, and frees them all at once. */
export class Resources {
  private readonly textures: WebGLTexture[] = [];
  private readonly framebuffers: WebGLFramebuffer[] = [];
  private readonly renderbuffers: WebGLRenderbuffer[] = [];

  constructor(readonly gl: GL) {}

  /** A 2D texture without mipmaps, clamped at its edges. */
  texture(kind: keyof ReturnType<typeof formats>, width: number, height: number): Texture {
    const { gl } = this;
    const format = formats(gl)[kind];
    const handle = gl.createTexture();
    this.textures.push(handle);
    gl.bindTexture(gl.TEXTURE_2D, handle);
    gl.texStorage2D(gl.TEXTURE_2D, 1, format.internal, width, height);
    this.sample(gl.TEXTURE_2D, false);
    return { handle, format };
  }

  /** A 3D texture, its first index fastest. */
  volume(kind: "halves" | "labels", shape: readonly [number, number, number], data: ArrayBufferView): WebGLTexture {
    const { gl } = this;
    const { internal, format, type } = formats(gl)[kind];
    const handle = gl.createTexture();
    this.textures.push(handle);
    gl.bindTexture(gl.TEXTURE_3D, handle);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texStorage3D(gl.TEXTURE_3D, 1, internal, ...shape);
    gl.texSubImage3D(gl.TEXTURE_3D, 0, 0, 0, 0, ...shape, format, type, data);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 4);
    this.sample(gl.TEXTURE_3D, kind === "halves");
    return handle;
  }

  depth(width: number, height: number): WebGLRenderbuffer {
    const { gl } = this;
    const renderbuffer = gl.createRenderbuffer();
    this.renderbuffers.push(renderbuffer);
    gl.bindRenderbuffer(gl.RENDERBUFFER, renderbuffer);
    gl.renderbufferStorage(gl.RENDERBUFFER, gl.DEPTH_COMPONENT16, width, height);
    return renderbuffer;
  }

  /** A framebuffer that draws into textures of one size. */
  framebuffer(textures: readonly Texture[], depth?: WebGLRenderbuffer): WebGLFramebuffer {
    const { gl } = this;
    const framebuffer = gl.createFramebuffer();
    this.framebuffers.push(framebuffer);
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    const slots = textures.map(({ handle }, k) => {
      gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0 + k, gl.TEXTURE_2D, handle, 0);
      return gl.COLOR_ATTACHMENT0 + k;
    });
    gl.drawBuffers(slots);
    if (depth) gl.framebufferRenderbuffer(gl.FRAMEBUFFER, gl.DEPTH_ATTACHMENT, gl.RENDERBUFFER, depth);
    return framebuffer;
  }

  /** Write items start, start + 1, ... of `texels` texels each into a texture that holds ROW items a row. */
  write(texture: Texture, start: number, data: Uint32Array | Float32Array | Uint8Array, texels = 1): void {
    const { gl } = this;
    const { format, type, size } = texture.format;
    gl.bindTexture(gl.TEXTURE_2D, texture.handle);
    const stride = texels * size;
    const end = start + data.length / stride;
    // At most a part of the first row, whole rows, and a part of the last one.
    for (let item = start; item < end; ) {
      const column = item % ROW;
      const rows = column === 0 ? Math.max(1, Math.floor((end - item) / ROW)) : 1;
      const width = rows > 1 ? ROW : Math.min(ROW - column, end - item);
      const at = (item - start) * stride;
      const part = data.subarray(at, at + rows * width * stride);
      gl.texSubImage2D(
        gl.TEXTURE_2D,
        0,
        column * texels,
        Math.floor(item / ROW),
        width * texels,
        rows,
        format,
        type,
        part,
      );
      item += rows * width;
    }
  }

  dispose(): void {
    for (const framebuffer of this.framebuffers) this.gl.deleteFramebuffer(framebuffer);
    for (const renderbuffer of this.renderbuffers) this.gl.deleteRenderbuffer(renderbuffer);
    for (const texture of this.textures) this.gl.deleteTexture(texture);
  }

  private sample(target: number, smooth: boolean): void {
    const { gl } = this;
    const filter = smooth ? gl.LINEAR : gl.NEAREST;
    gl.texParameteri(target, gl.TEXTURE_MIN_FILTER, filter);
    gl.texParameteri(target, gl.TEXTURE_MAG_FILTER, filter);
    for (const axis of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(target, axis, gl.CLAMP_TO_EDGE);
    if (target === gl.TEXTURE_3D) gl.texParameteri(target, gl.TEXTURE_WRAP_R, gl.CLAMP_TO_EDGE);
  }
}

/** All that is used of core WebGL2; only drawing into `halfColours` needs an extension. */
function formats(gl: GL) {
  return {
    words: { internal: gl.RGBA32UI, format: gl.RGBA_INTEGER, type: gl.UNSIGNED_INT, size: 4 },
    wordPairs: { internal: gl.RG32UI, format: gl.RG_INTEGER, type: gl.UNSIGNED_INT, size: 2 },
    indices: { internal: gl.R32UI, format: gl.RED_INTEGER, type: gl.UNSIGNED_INT, size: 1 },
    floats: { internal: gl.RGBA32F, format: gl.RGBA, type: gl.FLOAT, size: 4 },
    halfLight: { internal: gl.RGB16F, format: gl.RGB, type: gl.FLOAT, size: 3 },
    halfColours: { internal: gl.RGBA16F, format: gl.RGBA, type: gl.HALF_FLOAT, size: 4 },
    byteColours: { internal: gl.RGBA8, format: gl.RGBA, type: gl.UNSIGNED_BYTE, size: 4 },
    halves: { internal: gl.R16F, format: gl.RED, type: gl.HALF_FLOAT, size: 1 },
    labels: { internal: gl.R8UI, format: gl.RED_INTEGER, type: gl.UNSIGNED_BYTE, size: 1 },
  } satisfies Record<string, Format>;
}
