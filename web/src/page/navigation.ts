import type { Orbit, Store } from "../state";
import { panned, turned, zoomed } from "./orbiting";

const DEGREES_PER_HEIGHT = 200;
const CLICK_PIXELS = 4;
const KEY_DEGREES = 5;
const KEY_PIXELS = 24;

/**
 * Orbit with the left button or one finger, pan with any other button, shift or two fingers, zoom with wheel or pinch.
 *
 * A drag ends without the click that browsers send after it, so tools may listen for plain clicks.
 */
export function navigate(canvas: HTMLCanvasElement, store: Store): void {
  const pointers = new Map<number, PointerEvent>();
  let travelled = 0;
  const change = (next: (orbit: Orbit) => Orbit) => store.set({ orbit: next(store.state.orbit) });

  canvas.addEventListener("pointerdown", (event) => {
    if (pointers.size === 0) travelled = 0;
    pointers.set(event.pointerId, event);
    canvas.setPointerCapture(event.pointerId);
    canvas.focus({ preventScroll: true });
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const dx = event.clientX - before.clientX;
    const dy = event.clientY - before.clientY;
    travelled += Math.hypot(dx, dy);
    if (travelled < CLICK_PIXELS) return;
    const height = canvas.clientHeight;
    if (pointers.size === 2) {
      const [factor, mx, my] = pinch(pointers, event);
      change((orbit) => panned(zoomed(orbit, factor), mx, my, height));
    } else if (event.buttons !== 1 || event.shiftKey) change((orbit) => panned(orbit, dx, dy, height));
    else {
      const degrees = DEGREES_PER_HEIGHT / height;
      change((orbit) => turned(orbit, -dx * degrees, dy * degrees));
    }
    pointers.set(event.pointerId, event);
    canvas.classList.add("dragging");
  });
  const release = (event: PointerEvent) => {
    pointers.delete(event.pointerId);
    if (pointers.size === 0) canvas.classList.remove("dragging");
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("click", (event) => travelled >= CLICK_PIXELS && event.stopImmediatePropagation(), true);
  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const pixels = event.deltaY * [1, 24, canvas.clientHeight][event.deltaMode];
      // Browsers send a trackpad's pinch as a wheel with the control key, in finer steps.
      change((orbit) => zoomed(orbit, Math.exp(pixels * (event.ctrlKey ? 0.01 : 0.0015))));
    },
    { passive: false },
  );
  // The keys turn the view unless the control that has the focus has its own use for them.
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || (event.target as Element).closest("input, select, textarea, dialog")) return;
    const [x, y] = ARROWS[event.key] ?? [0, 0];
    if (!(x || y) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    change((orbit) =>
      event.shiftKey
        ? panned(orbit, -x * KEY_PIXELS, -y * KEY_PIXELS, canvas.clientHeight)
        : turned(orbit, x * KEY_DEGREES, -y * KEY_DEGREES),
    );
  });
}

const ARROWS: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** How the distance of two fingers shrank and their middle moved, now that one of them has moved to `event`. */
function pinch(pointers: ReadonlyMap<number, PointerEvent>, event: PointerEvent): [number, number, number] {
  const other = [...pointers.values()].find(({ pointerId }) => pointerId !== event.pointerId)!;
  const before = pointers.get(event.pointerId)!;
  const apart = (p: PointerEvent) => Math.max(Math.hypot(p.clientX - other.clientX, p.clientY - other.clientY), 1);
  return [apart(before) / apart(event), (event.clientX - before.clientX) / 2, (event.clientY - before.clientY) / 2];
}
