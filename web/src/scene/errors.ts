/** Scene data that cannot be used; the message is for people. */
export class BlobError extends Error {
  override name = "BlobError";
}
