import type { TransferFunctions } from "./scene/types";
import type { Vec3 } from "./vectors";

/** Where the camera stands: on a sphere around the target. */
export interface Orbit {
  target: Vec3;
  /** mm. */
  distance: number;
  /** Degrees: 0 looks at the front of the patient, 90 at the patient's left side. */
  azimuth: number;
  /** Degrees above the horizon, −90 to 90: 90 looks down from above the head. */
  elevation: number;
  projection: "perspective" | "orthographic";
  /** Degrees, vertical; an orthographic view shows what a perspective one shows in the plane of the target. */
  fov: number;
}

/** The half of space where normal · p + offset ≥ 0 stays. */
export interface ClipPlane {
  normal: Vec3;
  offset: number;
}

export interface Clipping {
  planes: ClipPlane[];
  /** Only what is inside stays; null for no box. */
  box: readonly [Vec3, Vec3] | null;
  /** Show the scan's values on the cut faces of planes, in the window. */
  face: boolean;
}

/** Grey levels of slices and cut faces. */
export interface Window {
  level: number;
  width: number;
}

export interface Measurement {
  kind: "distance" | "angle";
  points: Vec3[];
}

export interface Annotation {
  point: Vec3;
  text: string;
}

/** How the organs are shown. */
export type Look = Pick<ViewState, "visible" | "opacity" | "transfer" | "clipping" | "fidelity">;

export interface Bookmark {
  name: string;
  orbit: Orbit;
  /** Restored with the view where it was saved with it. */
  look?: Look;
}

export type Tool = "orbit" | "pick" | "distance" | "angle" | "annotate";

/** Everything that a person can change; one object, replaced part by part, never changed in place. */
export interface ViewState {
  orbit: Orbit;
  /** By label id, 0..1 each; what has opacity 0 is hidden. Hidden organs keep the opacity they had in `opacity`. */
  visible: readonly boolean[];
  opacity: readonly number[];
  /** The transfer functions shown; null where the scene cannot be recoloured. */
  transfer: TransferFunctions | null;
  clipping: Clipping;
  /** Colour every Gaussian by its error, where the scene was measured. */
  fidelity: boolean;
  window: Window;
  /** Where the three slices meet, mm. */
  crosshair: Vec3;
  slices: boolean;
  tool: Tool;
  measurements: readonly Measurement[];
  annotations: readonly Annotation[];
  bookmarks: readonly Bookmark[];
  background: Vec3;
  theme: "dark" | "light";
  /** Slice Gaussians by view direction; off shows what an ordinary splat viewer would. */
  directional: boolean;
}

type Listener<State> = (state: State, before: State) => void;

/** Holds the state and tells who asked when a part of it was replaced. */
export class Store<State extends object = ViewState> {
  private listeners: { keys: readonly (keyof State)[]; call: Listener<State> }[] = [];

  constructor(private current: State) {}

  get state(): State {
    return this.current;
  }

  /** Replace parts; listeners of the parts that are new objects hear of it once, at once. */
  set(patch: Partial<State>): void {
    const before = this.current;
    this.current = { ...before, ...patch };
    const changed = (key: keyof State) => this.current[key] !== before[key];
    for (const { keys, call } of [...this.listeners]) if (keys.some(changed)) call(this.current, before);
  }

  /** Hear of changes to any of the keys; call what is returned to hear no more. */
  on(keys: readonly (keyof State)[], call: Listener<State>): () => void {
    const entry = { keys, call };
    this.listeners.push(entry);
    return () => {
      this.listeners = this.listeners.filter((other) => other !== entry);
    };
  }
}
