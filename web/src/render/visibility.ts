import type { ViewState } from "../state";

/** Opacity of every label, 0 where it is hidden. */
export function organOpacities({ visible, opacity }: Pick<ViewState, "visible" | "opacity">): Float32Array {
  return Float32Array.from({ length: 256 }, (_, label) => ((visible[label] ?? true) ? (opacity[label] ?? 1) : 0));
}

/** One entry for each label, 0 where it is hidden. */
export const shownLabels = (organs: Float32Array): Uint8Array =>
  Uint8Array.from(organs, (opacity) => Number(opacity > 0));
