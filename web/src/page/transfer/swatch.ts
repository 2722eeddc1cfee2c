import { evaluate } from "../../scene/transfer";
import type { Organ, TransferFunctions } from "../../scene/types";
import type { Histograms } from "./histograms";
import { hexOf } from "./points";

/** The colour in which organs appear: the mean over their values, weighted by opacity; null where that is not known. */
export function swatchColor(
  organs: readonly Organ[],
  functions: TransferFunctions | null,
  histograms: Histograms,
): string | null {
  const points = functions?.groups[organs[0].group_index];
  if (!points) return null;
  const counts = histograms.sum(organs.map(({ id }) => id));
  const mean = [0, 0, 0];
  let weight = 0;
  for (let bin = 0; bin < counts.length; bin++) {
    if (counts[bin] === 0) continue;
    const [red, green, blue, opacity] = evaluate(points, histograms.value(bin));
    const share = counts[bin] * opacity;
    weight += share;
    mean[0] += share * red;
    mean[1] += share * green;
    mean[2] += share * blue;
  }
  return weight > 0 ? hexOf(mean.map((sum) => sum / weight)) : null;
}
