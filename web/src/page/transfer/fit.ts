import type { TransferPoints } from "../../scene/types";
import type { Domain } from "./axes";
import { type Histograms, quantiles } from "./histograms";

const RARE = 0.002;
const MARGIN = 0.12;

/** The span of values that matters for some labels: where nearly all of them lie, or else the function's inner points. */
export function fitted(histograms: Histograms, labels: readonly number[], points: TransferPoints): Domain {
  const ends = quantiles(histograms.sum(labels), RARE)?.map((bin) => histograms.value(bin));
  const inner = points.slice(1, -1).map(([value]) => value);
  const [first, last] = ends ?? (inner.length > 1 ? [inner[0], inner.at(-1)!] : [histograms.low, histograms.high]);
  const whole = histograms.high - histograms.low;
  const margin = Math.max(MARGIN * (last - first), whole / 64);
  return { low: Math.max(first - margin, histograms.low), high: Math.min(last + margin, histograms.high) };
}
