import type { Window } from "../state";
import type { Sampled } from "./sampling";

/** How labels show over the grey values. */
export type LabelStyle = "contours" | "fill" | "none";

/** By label id: 0xBBGGRR, or −1 where the organ is hidden. */
export type Tints = Int32Array;

const OPAQUE = 0xff000000;
const FILL = 0.35;

/** Paint a slice as grey levels of the window, black outside the volume, with labels over it; `thickness` of contours in pixels. */
export function paint(
  slice: Sampled,
  window: Window,
  style: LabelStyle,
  tints: Tints,
  thickness: number,
  out: ImageData,
): void {
  const pixels = new Uint32Array(out.data.buffer);
  paintGrey(slice.values, window, pixels);
  if (style === "fill") paintFill(slice.labels, tints, pixels);
  if (style === "contours") paintContours(slice, tints, thickness, pixels);
}

function paintGrey(values: Float32Array, window: Window, pixels: Uint32Array): void {
  const gain = 255 / window.width;
  const shift = 127.5 - window.level * gain + 0.5;
  for (let i = 0; i < values.length; i++) {
    // What is outside is NaN, and NaN fails both comparisons: black.
    const grey = values[i] * gain + shift;
    const byte = grey >= 255 ? 255 : grey > 0 ? grey | 0 : 0;
    pixels[i] = OPAQUE | (byte * 0x010101);
  }
}

function paintFill(labels: Uint8Array, tints: Tints, pixels: Uint32Array): void {
  for (let i = 0; i < labels.length; i++) {
    const tint = tints[labels[i]];
    if (tint < 0) continue;
    const grey = (pixels[i] & 0xff) * (1 - FILL);
    const red = grey + FILL * (tint & 0xff);
    const green = grey + FILL * ((tint >> 8) & 0xff);
    const blue = grey + FILL * (tint >> 16);
    pixels[i] = OPAQUE | (blue << 16) | (green << 8) | red;
  }
}

function paintContours({ labels, width, height }: Sampled, tints: Tints, thickness: number, pixels: Uint32Array): void {
  const t = thickness;
  // At the picture's border there is nothing to compare with, so an organ that runs out of it gets no line there.
  for (let row = t; row < height - t; row++) {
    for (let i = row * width + t, end = (row + 1) * width - t; i < end; i++) {
      const label = labels[i];
      const tint = tints[label];
      if (tint < 0) continue;
      const interior =
        labels[i - t] === label &&
        labels[i + t] === label &&
        labels[i - t * width] === label &&
        labels[i + t * width] === label;
      if (!interior) pixels[i] = OPAQUE | tint;
    }
  }
}
