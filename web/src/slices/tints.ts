import type { Tints } from "./painting";

/** The colour that tells an organ from others in slices and lists, sRGB bytes: hues a golden angle apart, all equally light. */
function organColour(id: number): readonly [number, number, number] {
  const hue = id * 2.399963;
  const lightness = 0.78;
  const chroma = 0.13;
  return oklch(lightness, chroma, hue);
}

/** The table for painting: only organs that are shown have a colour; 0 is background and has none. */
export function tintsOf(visible: readonly boolean[]): Tints {
  const tints = new Int32Array(256).fill(-1);
  for (let id = 1; id < 256; id++) {
    if (!visible[id]) continue;
    const [red, green, blue] = organColour(id);
    tints[id] = (blue << 16) | (green << 8) | red;
  }
  return tints;
}

/** OKLCH → sRGB bytes (Ottosson 2020, "A perceptual color space for image processing"). */
function oklch(lightness: number, chroma: number, hue: number): [number, number, number] {
  const a = chroma * Math.cos(hue);
  const b = chroma * Math.sin(hue);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((linear) => {
    const c = Math.min(Math.max(linear, 0), 1);
    return Math.round(255 * (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055));
  }) as [number, number, number];
}
