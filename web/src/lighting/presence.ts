import type { Planes } from "../render/clipping";
import { transferTable } from "../scene/transfer";
import type { SceneHeader, TransferFunctions } from "../scene/types";

/** Values at which transfer functions are tabulated. */
const STEPS = 4096;
/** Extinction, 1/mm, below which a ratio of extinctions says nothing; as where Gaussians are recoloured. */
const FAINT = 1e-3;

/** What is there to stand in the light. */
export interface Look {
  /** By label id, 0..1; 0 where it is hidden. */
  organs: Float32Array;
  /** null: as in the scene. */
  transfer: TransferFunctions | null;
  /** Half spaces whose intersection stays. */
  planes: Planes;
}

/** What a look depends on, of N Gaussians. */
export interface Matter {
  /** [N, 3] mm. */
  means: Float32Array;
  /** [N] mm, standard deviations. */
  sizes: Float32Array;
  labels: Uint8Array;
  opacities: Float32Array;
  /** [N], or null where the scene has none. */
  values: Float32Array | null;
}

/** Factor on the light that each Gaussian takes away, [N]. */
export function presence(header: SceneHeader, matter: Matter, { organs, transfer, planes }: Look): Float32Array {
  const factors = Float32Array.from(matter.labels, (label) => organs[label]);
  for (const plane of planes) cut(matter, plane, factors);
  if (transfer) recolour(header, matter, transfer, factors);
  return factors;
}

/** Multiply by about the part of each Gaussian on the side of a plane that stays: from none to all within ±2 σ. */
function cut({ means, sizes }: Matter, [a, b, c, offset]: Planes[number], factors: Float32Array): void {
  for (let i = 0; i < factors.length; i++) {
    const distance = a * means[3 * i] + b * means[3 * i + 1] + c * means[3 * i + 2] + offset;
    factors[i] *= Math.min(Math.max(0.5 + distance / (4 * sizes[i]), 0), 1);
  }
}

/** Multiply by what other transfer functions make of the opacities: 1 − (1 − o)^(σ' / σ), relative to o. */
function recolour(header: SceneHeader, matter: Matter, transfer: TransferFunctions, factors: Float32Array): void {
  const { values, labels, opacities } = matter;
  if (!values || !header.value_range || !header.shading) return;
  const [low, high] = header.value_range;
  const groups = new Uint8Array(256);
  for (const { id, group_index } of header.organs) groups[id] = group_index;
  const tabulated = (functions: TransferFunctions) =>
    transferTable(functions, 1 + Math.max(...groups), low, high, STEPS);
  const [before, after] = [tabulated(header.shading.functions), tabulated(transfer)];
  const perStep = (STEPS - 1) / Math.max(high - low, 1e-9);
  for (let i = 0; i < factors.length; i++) {
    if (factors[i] === 0 || opacities[i] === 0) continue;
    const step = Math.round((values[i] - low) * perStep);
    const row = 4 * (groups[labels[i]] * STEPS + step);
    const ratio = (after[row] + Math.max(0, FAINT - before[row])) / Math.max(before[row], FAINT);
    if (ratio !== 1) factors[i] *= (1 - (1 - opacities[i]) ** ratio) / opacities[i];
  }
}
