/** The scene cannot be drawn; the message is for people. */
export class RendererError extends Error {
  override name = "RendererError";
}
