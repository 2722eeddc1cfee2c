import type { Organ, SceneFidelity } from "../../scene/types";

/** How far an organ or a group is to be trusted, in words; null where that was not measured. */
export interface Trust {
  /** "63", or a dash where no view showed it. */
  short: string;
  /** For whoever wants to know more. */
  long: string;
}

/** Trust of a single organ, or of the group that several belong to. */
export function trustOf(fidelity: SceneFidelity | null, organs: readonly Organ[], isGroup: boolean): Trust | null {
  if (fidelity === null) return null;
  const found = isGroup ? fidelity.groups[organs[0].group_index] : fidelity.organs[organs[0].id];
  if (found === undefined) return null;
  if (found === null) return { short: "–", long: "Trust unknown: seen in no view" };
  const short = String(Math.round(found.trust));
  const percent = (100 * found.error).toPrecision(2);
  return { short, long: `Trust ${short} of 100: ${percent} % of full brightness from the truth` };
}

/** The same of the whole scene, for the list of what is known about it. */
export function wholeTrust(fidelity: SceneFidelity | null): string {
  if (!fidelity?.whole) return "not measured";
  return `${Math.round(fidelity.whole.trust)} of 100, by ${fidelity.views} views`;
}
