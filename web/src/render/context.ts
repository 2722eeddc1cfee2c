import { RendererError } from "./errors";

/** What pictures are added up in: half floats are quick on graphics cards, floats without one; bytes lose detail. */
export type Accumulation = "floats" | "halfColours" | "byteColours";

export interface Context {
  gl: WebGL2RenderingContext;
  accumulation: Accumulation;
}

/**
 * Get a canvas's WebGL2 context.
 *
 * @throws RendererError There is none; the message tells people why.
 */
export function openContext(canvas: HTMLCanvasElement): WebGL2RenderingContext {
  const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false, stencil: false });
  if (gl) return gl;
  throw new RendererError(
    "This browser cannot draw in 3D here: WebGL 2 is switched off or missing. " +
      "Turn on hardware acceleration in the browser's settings, or open the page in a current Chrome, Edge, Firefox or Safari.",
  );
}

/** The best that this context can add up pictures in; to be asked again whenever the context is restored. */
export function accumulationOf(gl: WebGL2RenderingContext): Accumulation {
  const floats = gl.getExtension("EXT_color_buffer_float") !== null;
  const blended = gl.getExtension("EXT_float_blend") !== null;
  if (floats && blended && isSoftware(gl)) return "floats";
  return floats || gl.getExtension("EXT_color_buffer_half_float") ? "halfColours" : "byteColours";
}

/** Whether a processor draws: it spends half its time on half floats, which it must convert. */
function isSoftware(gl: WebGL2RenderingContext): boolean {
  let name: unknown = gl.getParameter(gl.RENDERER);
  // Chrome and Safari tell the name only by the extension, of which Firefox warns.
  const information = name === "WebKit WebGL" ? gl.getExtension("WEBGL_debug_renderer_info") : null;
  if (information) name = gl.getParameter(information.UNMASKED_RENDERER_WEBGL);
  return /swiftshader|llvmpipe|software|basic render/i.test(String(name));
}
