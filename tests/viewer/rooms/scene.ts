// The page's scene room, bundled for tests that ask its functions one by one.
import { embeddedStream, openBlob } from "../../../web/src/scene/blob";
import * as gaussians from "../../../web/src/scene/gaussians";
import { evaluate, extinction, transferTable } from "../../../web/src/scene/transfer";
import type { SceneHeader } from "../../../web/src/scene/types";
import { readVolume } from "../../../web/src/scene/volume";

/** Everything that the decoders say about a blob, chunk after chunk. */
async function decoded(base64: string): Promise<Record<string, number[][]>> {
  const { header, sections } = await openBlob(embeddedStream(base64));
  const scene = header as SceneHeader;
  const out: Record<string, number[][]> = {};
  for await (const { bytes } of sections) {
    const words = gaussians.joinPlanes(bytes);
    const parts = {
      means: gaussians.decodeMeans(words, scene),
      opacities: gaussians.decodeOpacities(words),
      values: gaussians.decodeValues(words, scene) ?? [],
      labels: gaussians.decodeLabels(words),
      covFactors: gaussians.decodeCovFactors(words),
      directions: gaussians.decodeDirections(words),
      illumination: gaussians.decodeIllumination(words),
      precisionFactors: gaussians.decodePrecisionFactors(words),
      gains: gaussians.decodeGains(words),
      harmonics: gaussians.decodeHarmonics(words),
    };
    for (const [name, part] of Object.entries(parts)) (out[name] ??= []).push([...part]);
  }
  return out;
}

/** The name and message of the error with which a blob is refused, or what it is. */
async function verdict(base64: string): Promise<string> {
  try {
    const blob = await openBlob(embeddedStream(base64));
    if (blob.header.kind === "volume") await readVolume(blob);
    else for await (const { bytes } of blob.sections) gaussians.joinPlanes(bytes);
    return blob.header.kind;
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
}

/** Names of the sections, each with how many bytes of the stream had been asked for when it was there. */
async function arrivals(bytes: number[], step: number): Promise<[string, number][]> {
  let asked = 0;
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (asked >= bytes.length) return controller.close();
        controller.enqueue(Uint8Array.from(bytes.slice(asked, asked + step)));
        asked += step;
      },
    },
    { highWaterMark: 0 },
  );
  const found: [string, number][] = [];
  const { sections } = await openBlob(stream);
  for await (const { name } of sections) found.push([name, asked]);
  return found;
}

async function volume(base64: string) {
  const { values, labels } = await readVolume(await openBlob(embeddedStream(base64)));
  return { values: [...values], labels: [...labels] };
}

Object.assign(window, { room: { decoded, verdict, arrivals, volume, evaluate, extinction, transferTable } });
