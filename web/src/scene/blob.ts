import { BlobError } from "./errors";
import { checkHeader } from "./header";
import type { SceneHeader, Section, VolumeHeader } from "./types";

/** A blob whose header is here and whose sections are on their way. */
export interface OpenBlob<H> {
  header: H;
  /** Each section as soon as its last byte is here, in order; to be walked through once. */
  sections: AsyncIterable<{ name: string; bytes: Uint8Array }>;
}

const MAGIC = "TOMOBLOB";
const MAX_HEADER_BYTES = 1 << 24;
const DAMAGED = "The scene's data are damaged";

/** Read the header of a blob; see docs/viewer-format.md. */
export async function openBlob(stream: ReadableStream<Uint8Array>): Promise<OpenBlob<SceneHeader | VolumeHeader>> {
  const bytes = new ByteReader(stream);
  const start = await bytes.take(12);
  if (String.fromCharCode(...start.subarray(0, 8)) !== MAGIC) {
    throw new BlobError("These are no scene data: they do not begin as such data do. Export the scene again.");
  }
  const length = new DataView(start.buffer, start.byteOffset).getUint32(8, true);
  if (length > MAX_HEADER_BYTES) throw new BlobError(`${DAMAGED}: their header claims ${length} bytes.`);
  const header = checkHeader(parse(await bytes.take(length)));
  return { header, sections: read(bytes, header.sections) };
}

/** The blob that stands in an element as base64 of gzip, as in a shared file. */
export function embeddedStream(base64: string): ReadableStream<Uint8Array> {
  // Piece by piece: as one binary string, a large scene would be in memory three times.
  const step = 1 << 20;
  let position = 0;
  const text = base64.trim();
  const compressed = new ReadableStream<BufferSource>({
    pull(controller) {
      try {
        if (position < text.length) {
          controller.enqueue(Uint8Array.from(atob(text.slice(position, position + step)), (c) => c.charCodeAt(0)));
          position += step;
        } else controller.close();
      } catch {
        controller.error(new BlobError(`${DAMAGED}: there are characters in them that do not belong there.`));
      }
    },
  });
  return compressed.pipeThrough(new DecompressionStream("gzip")) as ReadableStream<Uint8Array>;
}

async function* read(bytes: ByteReader, sections: Section[]) {
  try {
    for (const { name, bytes: size } of sections) yield { name, bytes: await bytes.take(size) };
    await bytes.end();
  } finally {
    bytes.cancel();
  }
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new BlobError(`${DAMAGED}: their header cannot be read.`);
  }
}

/** Hands out a stream's bytes in the portions that are asked for. */
class ByteReader {
  private reader: ReadableStreamDefaultReader<Uint8Array>;
  private rest: Uint8Array = new Uint8Array(0);

  constructor(stream: ReadableStream<Uint8Array>) {
    this.reader = stream.getReader();
  }

  async take(size: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let missing = size;
    while (missing > 0) {
      if (this.rest.length === 0 && !(await this.refill())) {
        throw new BlobError("The scene's data end too early: the file or the transfer was cut short. Load it again.");
      }
      const part = this.rest.subarray(0, missing);
      this.rest = this.rest.subarray(part.length);
      missing -= part.length;
      parts.push(part);
    }
    return joined(parts, size);
  }

  /** Only here does a gzip stream compare its checksum. */
  async end(): Promise<void> {
    if (this.rest.length > 0 || (await this.refill())) {
      throw new BlobError(`${DAMAGED}: there is more of them than their header says.`);
    }
  }

  /** Tell the source that nobody reads on. */
  cancel(): void {
    this.reader.cancel().catch(() => undefined);
  }

  private async refill(): Promise<boolean> {
    try {
      for (;;) {
        const { done, value } = await this.reader.read();
        if (done) return false;
        this.rest = value;
        if (value.length > 0) return true;
      }
    } catch (error) {
      if (error instanceof BlobError) throw error;
      // A gzip stream that stops early or does not add up fails with a TypeError, as a connection that breaks does.
      throw new BlobError(
        `${DAMAGED}, or their transfer was cut short (${error instanceof Error ? error.message : error}).`,
      );
    }
  }
}

/** Memory is taken for what has arrived, never for what a header claims will. */
function joined(parts: Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
