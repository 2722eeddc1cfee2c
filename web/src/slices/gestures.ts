import type { Place } from "../tools/marks";

/** What a person can do to a pane with a pointer or a wheel. */
export interface Actions {
  /** Pressed, or moved while pressed. */
  aim(at: Place): void;
  /** Released where it was pressed. */
  click(at: Place): void;
  hover(at: Place | null): void;
  shade(right: number, down: number): void;
  pan(right: number, down: number): void;
  zoom(factor: number, at: Place): void;
  scroll(slices: number): void;
  maximise(): void;
}

type Drag = "aim" | "shade" | "pan";

const STILL = 4;
/** Pixels of a wheel or touchpad that make one slice. */
const NOTCH = 60;

/** Turn the events of an element into actions. */
export function listen(target: HTMLElement, actions: Actions): void {
  const pointers = new Map<number, Place>();
  let drag: Drag | null = null;
  let start: Place = [0, 0];
  let moved = false;
  let wheel = 0;

  const placeOf = (event: MouseEvent): Place => {
    const box = target.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  const down = (event: PointerEvent) => {
    if (event.target instanceof Element && event.target.closest("button, .handle")) return;
    const at = placeOf(event);
    target.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, at);
    moved = pointers.size > 1;
    drag = event.button === 2 ? "shade" : event.button === 1 || event.shiftKey ? "pan" : "aim";
    start = at;
    // A finger may be the first of two, so it aims only once it moves or lifts.
    if (drag === "aim" && event.pointerType !== "touch") actions.aim(at);
  };

  const move = (event: PointerEvent) => {
    const at = placeOf(event);
    const before = pointers.get(event.pointerId);
    if (!before || drag === null) {
      actions.hover(at);
      return;
    }
    pointers.set(event.pointerId, at);
    moved ||= Math.hypot(at[0] - start[0], at[1] - start[1]) > STILL;
    if (pointers.size === 2) pinch(event.pointerId, before, at);
    else if (pointers.size === 1 && drag === "shade") actions.shade(at[0] - before[0], at[1] - before[1]);
    else if (pointers.size === 1 && drag === "pan") actions.pan(at[0] - before[0], at[1] - before[1]);
    else if (pointers.size === 1 && (moved || event.pointerType !== "touch")) actions.aim(at);
    if (event.pointerType === "mouse") actions.hover(at);
  };

  const pinch = (moving: number, before: Place, at: Place) => {
    const [, other] = [...pointers].find(([id]) => id !== moving)!;
    const spread = (p: Place) => Math.max(Math.hypot(p[0] - other[0], p[1] - other[1]), 1);
    actions.pan((at[0] - before[0]) / 2, (at[1] - before[1]) / 2);
    actions.zoom(spread(at) / spread(before), [(at[0] + other[0]) / 2, (at[1] + other[1]) / 2]);
  };

  const up = (event: PointerEvent) => {
    if (!pointers.delete(event.pointerId)) return;
    if (event.type === "pointerup" && drag === "aim" && !moved) {
      const at = placeOf(event);
      if (event.pointerType === "touch") actions.aim(at);
      actions.click(at);
    }
    // The finger that stays after a pinch does not begin to aim.
    if (pointers.size === 0) drag = null;
    else drag = "pan";
  };

  const turn = (event: WheelEvent) => {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? NOTCH / 3 : 1);
    // A pinch on a touchpad arrives as a wheel with ctrl.
    if (event.ctrlKey) {
      actions.zoom(Math.exp(-pixels / 300), placeOf(event));
      return;
    }
    wheel += Math.max(Math.min(pixels, NOTCH), -NOTCH);
    const slices = Math.trunc(wheel / NOTCH);
    wheel -= slices * NOTCH;
    if (slices !== 0) actions.scroll(slices);
  };

  target.addEventListener("pointerdown", down);
  target.addEventListener("pointermove", move);
  target.addEventListener("pointerup", up);
  target.addEventListener("pointercancel", up);
  target.addEventListener("pointerleave", () => actions.hover(null));
  target.addEventListener("wheel", turn, { passive: false });
  target.addEventListener("contextmenu", (event) => event.preventDefault());
  target.addEventListener("dblclick", () => actions.maximise());
}
