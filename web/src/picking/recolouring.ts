import { evaluate, extinction } from "../scene/transfer";
import type { TransferFunctions } from "../scene/types";

/** Transfer functions other than those that the scene was made with. */
export interface Recolouring {
  shown: TransferFunctions;
  original: TransferFunctions;
  /** Group of every label. */
  groups: Uint8Array;
  valueRange: readonly [number, number];
}

/** Extinction, 1/mm, below which a ratio of extinctions says nothing. */
const FAINT = 1e-3;

/** Opacity of a Gaussian under other transfer functions: the arithmetic of the shader appearance. */
export function recolouredOpacity(opacity: number, value: number, label: number, by: Recolouring): number {
  const group = by.groups[label];
  const before = extinctionAt(by.original, group, value);
  const after = extinctionAt(by.shown, group, value);
  const ratio = (after + Math.max(0, FAINT - before)) / Math.max(before, FAINT);
  return 1 - (1 - opacity) ** ratio;
}

function extinctionAt(functions: TransferFunctions, group: number, value: number): number {
  const points = functions.groups[group];
  return points ? extinction(evaluate(points, value)[3]) : 0;
}
