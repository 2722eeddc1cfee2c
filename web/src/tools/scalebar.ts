/** A length worth writing on a scale bar (1, 2 or 5 times a power of ten) of at most this many mm. */
export function roundLength(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most));
  // A hair more than needed, or 0.1 · 10 would not reach 1.
  const mantissa = (most / power) * (1 + 1e-9);
  return power * (mantissa >= 5 ? 5 : mantissa >= 2 ? 2 : 1);
}

/** "50 mm", "0.2 mm". */
export const lengthText = (mm: number): string => `${Number(mm.toPrecision(3))} mm`;
