import { RECORD_WORDS, type SceneHeader } from "./types";

/** Put the 64 planes of a chunk back together: 16 words for each Gaussian. */
export function joinPlanes(planes: Uint8Array): Uint32Array<ArrayBuffer> {
  const n = planes.length / (4 * RECORD_WORDS);
  const words = new Uint32Array(n * RECORD_WORDS);
  for (let w = 0; w < RECORD_WORDS; w++) {
    const [a, b, c, d] = [0, 1, 2, 3].map((byte) => planes.subarray((4 * w + byte) * n, (4 * w + byte + 1) * n));
    for (let i = 0; i < n; i++) words[i * RECORD_WORDS + w] = a[i] | (b[i] << 8) | (c[i] << 16) | (d[i] << 24);
  }
  return words;
}

/** [N, 3] mm. */
export function decodeMeans(words: Uint32Array, header: SceneHeader): Float32Array<ArrayBuffer> {
  const [low, high] = header.bounds_mm;
  const step = low.map((x, axis) => (high[axis] - x) / 65535);
  return decode(words, 3, (o, out, at) => {
    out[at] = low[0] + step[0] * (words[o] & 65535);
    out[at + 1] = low[1] + step[1] * (words[o] >>> 16);
    out[at + 2] = low[2] + step[2] * (words[o + 1] & 65535);
  });
}

/** [N], 0..1. */
export function decodeOpacities(words: Uint32Array): Float32Array<ArrayBuffer> {
  return decode(words, 1, (o, out, at) => {
    out[at] = (words[o + 1] >>> 16) / 65535;
  });
}

/** [N], or null where the scene has none. */
export function decodeValues(words: Uint32Array, header: SceneHeader): Float32Array<ArrayBuffer> | null {
  if (header.value_range === null) return null;
  const [low, high] = header.value_range;
  return decode(words, 1, (o, out, at) => {
    out[at] = low + ((high - low) / 65535) * (words[o + 2] & 65535);
  });
}

/** [N]. */
export function decodeLabels(words: Uint32Array): Uint8Array<ArrayBuffer> {
  const labels = new Uint8Array(words.length / RECORD_WORDS);
  for (let i = 0; i < labels.length; i++) labels[i] = words[i * RECORD_WORDS + 2] >>> 16;
  return labels;
}

/** [N, 6] mm, lower factors of the covariances: xx, yx, zx, yy, zy, zz. */
export function decodeCovFactors(words: Uint32Array): Float32Array<ArrayBuffer> {
  return decode(words, 6, (o, out, at) => {
    for (let k = 0; k < 6; k++) out[at + k] = halfAt(words, o + 3, k);
  });
}

/** [N, 3], unit vectors. */
export function decodeDirections(words: Uint32Array): Float32Array<ArrayBuffer> {
  return decode(words, 3, (o, out, at) => {
    let x = Math.max(((words[o + 6] << 16) >> 16) / 32767, -1);
    let y = Math.max((words[o + 6] >> 16) / 32767, -1);
    const z = 1 - Math.abs(x) - Math.abs(y);
    if (z < 0) [x, y] = [(1 - Math.abs(y)) * (x >= 0 ? 1 : -1), (1 - Math.abs(x)) * (y >= 0 ? 1 : -1)];
    const length = Math.hypot(x, y, z);
    out[at] = x / length;
    out[at + 1] = y / length;
    out[at + 2] = z / length;
  });
}

/** [N, 3], J in linear RGB. */
export function decodeIllumination(words: Uint32Array): Float32Array<ArrayBuffer> {
  return decode(words, 3, (o, out, at) => {
    const word = words[o + 7];
    const unit = 2 ** ((word >>> 27) - 24);
    for (let c = 0; c < 3; c++) out[at + c] = ((word >>> (9 * c)) & 511) * unit;
  });
}

/** [N, 6], lower factors of the precisions of direction: xx, yx, zx, yy, zy, zz. */
export function decodePrecisionFactors(words: Uint32Array): Float32Array<ArrayBuffer> {
  return decodeBytes(words, 40, 6, (o) => (words[o + 9] >>> 16) & 255);
}

/** [N, 9] mm per unit of direction, row by row. */
export function decodeGains(words: Uint32Array): Float32Array<ArrayBuffer> {
  return decodeBytes(words, 46, 9, (o) => words[o + 2] >>> 24);
}

/** [N, 12], harmonic by harmonic: red, green, blue. */
export function decodeHarmonics(words: Uint32Array): Float32Array<ArrayBuffer> {
  const directional = decodeBytes(words, 55, 9, (o) => words[o + 9] >>> 24);
  return decode(words, 12, (o, out, at) => {
    for (let c = 0; c < 3; c++) out[at + c] = halfAt(words, o + 8, c);
    const i = o / RECORD_WORDS;
    out.set(directional.subarray(9 * i, 9 * i + 9), at + 3);
  });
}

type Write = (offset: number, out: Float32Array, at: number) => void;

function decode(words: Uint32Array, width: number, write: Write): Float32Array<ArrayBuffer> {
  const n = words.length / RECORD_WORDS;
  const out = new Float32Array(n * width);
  for (let i = 0; i < n; i++) write(i * RECORD_WORDS, out, i * width);
  return out;
}

/** `count` i8 numbers from byte `first` of each record on, with their shared exponent. */
function decodeBytes(words: Uint32Array, first: number, count: number, exponent: (offset: number) => number) {
  return decode(words, count, (o, out, at) => {
    const e = exponent(o);
    const unit = e === 0 ? 0 : 2 ** ((e - 128) / 8) / 127;
    for (let k = 0; k < count; k++) {
      const byte = first + k;
      out[at + k] = unit * ((words[o + (byte >> 2)] << (24 - 8 * (byte & 3))) >> 24);
    }
  });
}

function halfAt(words: Uint32Array, word: number, index: number): number {
  const bits = words[word + (index >> 1)];
  return fromHalf(index & 1 ? bits >>> 16 : bits & 65535);
}

/** The number that 16 bits are as an IEEE half float. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
