import type { SceneHeader, TransferFunctions } from "../scene/types";
import type { ViewState } from "../state";
import { scale } from "../vectors";
import { firstOrbit } from "./orbiting";
import { BACKGROUNDS, preferredTheme } from "./theme";
import { firstWindow } from "./windowing";

const LABELS = 256;

/** What a person sees first of a scene. */
export function initialState(header: SceneHeader, aspect: number): ViewState {
  const [low, high] = header.extent_mm;
  const theme = preferredTheme();
  return {
    orbit: firstOrbit(header.extent_mm, aspect),
    visible: Array(LABELS).fill(true),
    opacity: Array(LABELS).fill(1),
    transfer: header.shading?.functions ?? null,
    clipping: { planes: [], box: null, face: true },
    fidelity: false,
    window: firstWindow(header.unit, header.value_range),
    crosshair: scale([low[0] + high[0], low[1] + high[1], low[2] + high[2]], 0.5),
    slices: false,
    tool: "orbit",
    measurements: [],
    annotations: [],
    bookmarks: [],
    background: BACKGROUNDS[theme],
    theme,
    directional: true,
  };
}

/** Two sets of functions show the same, whatever they are called. */
export const same = (a: TransferFunctions | null, b: TransferFunctions | null): boolean =>
  JSON.stringify(a?.groups) === JSON.stringify(b?.groups);

/** What changes when a scene takes the place of another: only what the person has not made his own. */
export function carriedOver(state: ViewState, before: SceneHeader, after: SceneHeader): Partial<ViewState> {
  const own = after.shading?.functions ?? null;
  const untouched = state.transfer === (before.shading?.functions ?? null);
  return untouched || own === null || same(state.transfer, own) ? { transfer: own } : {};
}
