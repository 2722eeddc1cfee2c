import { parseTransfer, TransferFileError } from "../page/transfer/file";
import { type Organ, type TransferFunctions, UNITS } from "../scene/types";
import type {
  Annotation,
  Bookmark,
  ClipPlane,
  Clipping,
  Look,
  Measurement,
  Orbit,
  Store,
  ViewState,
  Window,
} from "../state";
import type { Vec3 } from "../vectors";
import { isComplete } from "./measurements";
import { flag, list, nullable, number, oneOf, type Reader, ReadingError, record, text } from "./reading";

/** What a person made of a scene, to be saved beside it: JSON, positions in world RAS+ mm. */
export interface Session {
  format: "tomosplat-session";
  version: 1;
  /** Of the scene; a session's look fits only scenes with the same organs. */
  organs: { id: number; name: string }[];
  orbit: Orbit;
  crosshair: Vec3;
  window: Window;
  look: Look;
  measurements: Measurement[];
  annotations: Annotation[];
  bookmarks: Bookmark[];
}

/** How the organs are shown. */
export const lookOf = ({ visible, opacity, transfer, clipping, fidelity }: ViewState): Look => ({
  visible,
  opacity,
  transfer,
  clipping,
  fidelity,
});

const organNames = (organs: readonly Organ[]) => organs.map(({ id, name }) => ({ id, name }));

export function sessionOf(state: ViewState, organs: readonly Organ[]): Session {
  const { orbit, crosshair, window, measurements, annotations, bookmarks } = state;
  return {
    format: "tomosplat-session",
    version: 1,
    organs: organNames(organs),
    orbit,
    crosshair,
    window,
    look: lookOf(state),
    measurements: measurements.filter(isComplete),
    annotations: [...annotations],
    bookmarks: [...bookmarks],
  };
}

/** Read a session's file. Throws an Error with a message for people where it is none or damaged. */
export function readSession(file: string): Session {
  let data: unknown;
  try {
    data = JSON.parse(file);
  } catch {
    throw new Error("This file is not a session: it is not JSON, or was cut off.");
  }
  const { format, version } = (data ?? {}) as Partial<Record<string, unknown>>;
  if (format !== "tomosplat-session") throw new Error("This file is not a session saved by this page.");
  if (version !== 1) throw new Error(`This session is of version ${version}; this page reads version 1.`);
  try {
    return session(data, "session");
  } catch (error) {
    if (error instanceof ReadingError || error instanceof TransferFileError)
      throw new Error(`This session is damaged: ${error.message}.`);
    throw error;
  }
}

/** Take over a session; false where its look belongs to other organs and was left out. */
export function applySession(store: Store, saved: Session, organs: readonly Organ[]): boolean {
  const { orbit, crosshair, window, look, measurements, annotations, bookmarks } = saved;
  const fits = JSON.stringify(saved.organs) === JSON.stringify(organNames(organs));
  const kept = fits ? bookmarks : bookmarks.map(({ name, orbit: of }) => ({ name, orbit: of }));
  const patch = { orbit, crosshair, window, measurements, annotations, bookmarks: kept };
  store.set(fits ? { ...patch, ...fitting(look, store.state) } : patch);
  return fits;
}

/** A look for this page: a scene that cannot be recoloured keeps its colours. */
export const fitting = (look: Look, { transfer }: ViewState): Look => ({
  ...look,
  transfer: look.transfer && transfer?.unit === look.transfer.unit ? look.transfer : transfer,
});

const vector: Reader<Vec3> = (data, where) => list(number(), 3, 3)(data, where) as unknown as Vec3;

const orbit = record<Orbit>({
  target: vector,
  distance: number(0.1, 1e6),
  azimuth: number(),
  elevation: number(-90, 90),
  projection: oneOf("perspective", "orthographic"),
  fov: number(1, 150),
});

const plane = record<ClipPlane>({ normal: vector, offset: number() });

const box: Reader<readonly [Vec3, Vec3]> = (data, where) => {
  const [low, high] = list(vector, 2, 2)(data, where);
  if (low.some((x, axis) => x > high[axis])) throw new ReadingError(where, "a low and a high corner");
  return [low, high];
};

const clipping = record<Clipping>({ planes: list(plane, 0, 6), box: nullable(box), face: flag });

const byte = number(0, 255);

const transfer: Reader<TransferFunctions> = (data, where) => {
  const { unit } = record({ unit: oneOf(...UNITS) })(data, where);
  return parseTransfer(JSON.stringify(data), unit);
};

const look = record<Look>({
  visible: list(flag, 0, 256),
  opacity: list(number(0, 1), 0, 256),
  transfer: nullable(transfer),
  clipping,
  // Sessions from before scenes were measured do not say.
  fidelity: (data, where) => data !== undefined && flag(data, where),
});

const measurement: Reader<Measurement> = (data, where) => {
  const read = record<Measurement>({ kind: oneOf("distance", "angle"), points: list(vector) })(data, where);
  if (!isComplete(read)) throw new ReadingError(`${where}.points`, "two points for a distance, three for an angle");
  return read;
};

const bookmark: Reader<Bookmark> = (data, where) => {
  const read = record<Bookmark>({ name: text, orbit })(data, where);
  const own = (data as Partial<Bookmark>).look;
  return own === undefined ? read : { ...read, look: look(own, `${where}.look`) };
};

const session = record<Session>({
  format: oneOf("tomosplat-session"),
  version: oneOf(1),
  organs: list(record({ id: byte, name: text })),
  orbit,
  crosshair: vector,
  window: record<Window>({ level: number(), width: number(1e-9, 1e9) }),
  look,
  measurements: list(measurement),
  annotations: list(record<Annotation>({ point: vector, text })),
  bookmarks: list(bookmark),
});
