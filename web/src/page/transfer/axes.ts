/** The span of values that the editor shows. */
export interface Domain {
  low: number;
  high: number;
}

export type OpacityScale = "linear" | "log";

/** Below this, a logarithmic scale shows 0. */
const FAINTEST = 1e-4;
const DECADES = 4;

/** Height of an opacity, 0 at the foot to 1 at the top. */
export function heightOf(opacity: number, scale: OpacityScale): number {
  if (scale === "linear") return opacity;
  return opacity <= FAINTEST ? 0 : 1 + Math.log10(opacity) / DECADES;
}

export function opacityAt(height: number, scale: OpacityScale): number {
  const inside = Math.min(Math.max(height, 0), 1);
  if (scale === "linear") return inside;
  return inside <= 0 ? 0 : 10 ** ((inside - 1) * DECADES);
}

export const OPACITY_TICKS: Record<OpacityScale, readonly (readonly [opacity: number, text: string])[]> = {
  linear: [0, 0.25, 0.5, 0.75, 1].map((part) => [part, `${part * 100} %`] as const),
  log: [
    [0, "0"],
    [0.001, "0.1 %"],
    [0.01, "1 %"],
    [0.1, "10 %"],
    [1, "100 %"],
  ],
};

/** About `count` round numbers inside a span. */
export function ticks({ low, high }: Domain, count: number): number[] {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough)!;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, index) => (first + index) * step);
}

/** Nearer to a value (factor below 1) or further, inside limits. */
export function zoomedDomain({ low, high }: Domain, about: number, factor: number, limits: Domain): Domain {
  const width = Math.min(Math.max((high - low) * factor, (limits.high - limits.low) / 200), limits.high - limits.low);
  const part = (about - low) / (high - low);
  const start = Math.min(Math.max(about - part * width, limits.low), limits.high - width);
  return { low: start, high: start + width };
}
