/** One encoded picture of a video. */
export interface VideoChunk {
  data: Uint8Array;
  /** ms from the start. */
  time: number;
  key: boolean;
}

export interface VideoTrack {
  codec: "V_VP9" | "V_VP8";
  width: number;
  height: number;
  /** ms. */
  duration: number;
}

type Part = Uint8Array | Part[];

/** A WebM file (RFC 8794, RFC 9559) of one video track: clusters begin at key frames, and a table of them lets players seek. */
export function webm(track: VideoTrack, chunks: readonly VideoChunk[]): Blob {
  const head = block(0x1a45dfa3, [
    unsigned(0x4286, 1), // EBMLVersion
    unsigned(0x42f7, 1), // EBMLReadVersion
    unsigned(0x42f2, 4), // EBMLMaxIDLength
    unsigned(0x42f3, 8), // EBMLMaxSizeLength
    ascii(0x4282, "webm"), // DocType
    unsigned(0x4287, 4), // DocTypeVersion
    unsigned(0x4285, 2), // DocTypeReadVersion
  ]);
  const about = block(0x1549a966, [
    unsigned(0x2ad7b1, 1_000_000), // TimestampScale: a tick is 1 ms
    float(0x4489, track.duration), // Duration
    ascii(0x4d80, "tomosplat"), // MuxingApp
    ascii(0x5741, "tomosplat"), // WritingApp
  ]);
  const clusters = clustersOf(chunks);
  const body = [about, trackBlock(track)];
  const files = clusters.map(({ block: part }) => part);
  const cues = cueBlock(clusters, size(body));
  return new Blob(flat(head, block(0x18538067, [...body, ...files, cues])) as Uint8Array<ArrayBuffer>[], {
    type: "video/webm",
  });
}

interface Cluster {
  time: number;
  block: Part;
}

function clustersOf(chunks: readonly VideoChunk[]): Cluster[] {
  const groups: VideoChunk[][] = [];
  for (const chunk of chunks) {
    if (chunk.key) groups.push([]);
    groups.at(-1)!.push(chunk);
  }
  return groups.map((group) => {
    const time = group[0].time;
    return {
      time,
      block: block(0x1f43b675, [unsigned(0xe7, time), ...group.map((chunk) => simpleBlock(chunk, time))]),
    };
  });
}

/** SimpleBlock: track 1, time from the cluster's, flags, data. */
function simpleBlock({ data, time, key }: VideoChunk, clusterTime: number): Part {
  const ticks = time - clusterTime;
  return block(0xa3, [new Uint8Array([0x81, ticks >> 8, ticks & 255, key ? 0x80 : 0]), data]);
}

const trackBlock = ({ codec, width, height }: VideoTrack): Part =>
  block(0x1654ae6b, [
    block(0xae, [
      unsigned(0xd7, 1), // TrackNumber
      unsigned(0x73c5, 1), // TrackUID
      unsigned(0x83, 1), // TrackType: video
      ascii(0x86, codec), // CodecID
      block(0xe0, [unsigned(0xb0, width), unsigned(0xba, height)]), // PixelWidth, PixelHeight
    ]),
  ]);

/** Cues: time of each cluster and where it begins, from the start of the segment's data. */
function cueBlock(clusters: readonly Cluster[], start: number): Part {
  let position = start;
  const points: Part[] = [];
  for (const cluster of clusters) {
    const place = block(0xb7, [unsigned(0xf7, 1), unsigned(0xf1, position)]);
    points.push(block(0xbb, [unsigned(0xb3, cluster.time), place]));
    position += size(cluster.block);
  }
  return block(0x1c53bb6b, points);
}

const block = (id: number, content: Part): Part => [bigEndian(id), sizeField(size(content)), content];

const unsigned = (id: number, value: number): Part => block(id, bigEndian(value));

const ascii = (id: number, text: string): Part => block(id, new TextEncoder().encode(text));

function float(id: number, value: number): Part {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return block(id, bytes);
}

/** A length in eight bytes, of which the first says that there are eight. */
function sizeField(length: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length));
  bytes[0] = 1;
  return bytes;
}

/** A whole number in as few bytes as it needs, at least one. */
function bigEndian(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; rest > 0 || bytes.length === 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return new Uint8Array(bytes);
}

const size = (part: Part): number =>
  part instanceof Uint8Array ? part.length : part.reduce((sum, inner) => sum + size(inner), 0);

const flat = (...parts: Part[]): Uint8Array[] =>
  parts.flatMap((part) => (part instanceof Uint8Array ? part : flat(...part)));
