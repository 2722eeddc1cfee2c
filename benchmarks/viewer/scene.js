import { openBlob } from "../../web/src/scene/blob.ts";
import { joinPlanes } from "../../web/src/scene/gaussians.ts";
import { RECORD_WORDS } from "../../web/src/scene/types.ts";

/** The header of a packed scene and the words of all its Gaussians, in the order of its chunks. */
export async function fetchScene(url) {
  const { body } = await fetch(url);
  const { header, sections } = await openBlob(body.pipeThrough(new DecompressionStream("gzip")));
  const words = new Uint32Array(header.count * RECORD_WORDS);
  let at = 0;
  for await (const { bytes } of sections) {
    const chunk = joinPlanes(bytes);
    words.set(chunk, at);
    at += chunk.length;
  }
  return { header, words };
}
