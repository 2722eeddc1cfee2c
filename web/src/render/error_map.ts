import type { Vec3 } from "../vectors";

/** Errors from here on, sRGB in 0..1, have the last colour. */
export const ERROR_TOP = 0.2;
/** What no view showed. */
export const UNKNOWN: Vec3 = [0.5, 0.5, 0.5];

/**
 * Colour of a part 0..1 of ERROR_TOP, sRGB: from dark blue over red to light yellow.
 *
 * Lightness grows evenly, so that the order is seen by everybody, also without any colour vision; the ends differ in
 * blue and yellow, which nearly all tell apart; and nothing between them is grey, the colour of what is not known.
 */
export function errorColor(part: number): Vec3 {
  const hue = ((270 + 190 * part) * Math.PI) / 180;
  return fromOklab(0.36 + 0.56 * part, 0.14 * Math.cos(hue), 0.14 * Math.sin(hue));
}

/** Error that a byte of the section "errors" stands for; null where it is not known. */
export const errorOf = (byte: number): number | null => (byte === 0 ? null : ((byte - 1) / 254) ** 2);

/** Colours of all bytes, [256, 4]. */
export function errorTable(): Float32Array {
  const table = new Float32Array(256 * 4);
  for (let byte = 0; byte < 256; byte++) {
    const error = errorOf(byte);
    table.set(error === null ? UNKNOWN : errorColor(Math.min(error / ERROR_TOP, 1)), 4 * byte);
  }
  return table;
}

/** sRGB of a colour in Oklab (Ottosson 2020), held in 0..1. */
function fromOklab(lightness: number, a: number, b: number): Vec3 {
  const [l, m, s] = [
    lightness + 0.3963377774 * a + 0.2158037573 * b,
    lightness - 0.1055613458 * a - 0.0638541728 * b,
    lightness - 0.0894841775 * a - 1.291485548 * b,
  ].map((root) => root ** 3);
  const encoded = (linear: number) => {
    const held = Math.min(Math.max(linear, 0), 1);
    return held <= 0.0031308 ? 12.92 * held : 1.055 * held ** (1 / 2.4) - 0.055;
  };
  return [
    encoded(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    encoded(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    encoded(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}
