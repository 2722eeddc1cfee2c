import type { Store, Window } from "../state";
import { grabHandles, type Place } from "../tools/marks";
import { movePoint, placePoint, placesPoints } from "../tools/measurements";
import { add, dot, scale, subtract, type Vec3 } from "../vectors";
import { listen } from "./gestures";
import type { Pane } from "./pane";

/** How slices are steered, for the help sheet. */
export const SLICE_HELP: readonly (readonly [string, string])[] = [
  ["Click, drag", "Move the crosshair"],
  ["Wheel", "Through the slices"],
  ["Right drag", "Window: width, level"],
  ["Ctrl wheel, pinch", "Nearer, further"],
  ["Shift drag", "Move the picture"],
  ["Double-click, Enter", "Enlarge, make small"],
  ["Arrow keys", "Crosshair; with Shift tenfold"],
  ["Page up, down", "Through the slices"],
  ["Home", "Show all of the slice"],
];

/** What steering a pane tells those who own it. */
export interface Steered {
  /** The pane's framing changed; the store does not know of it. */
  redraw(): void;
  hover(p: Vec3 | null): void;
  maximise(): void;
}

/** Let a person steer a pane by pointer, wheel, touch and keys. */
export function steer(pane: Pane, store: Store, steered: Steered): void {
  const aim = (at: Place) => {
    const p = pane.worldAt(at);
    if (p && !placesPoints(store.state.tool)) store.set({ crosshair: p });
  };
  const click = (at: Place) => {
    const p = pane.worldAt(at);
    if (p) placePoint(store, p);
  };
  const scroll = (slices: number) => shift(store, scale(pane.axes.onward, slices * pane.step()));
  listen(pane.root, {
    aim,
    click,
    scroll,
    hover: (at) => steered.hover(at && pane.worldAt(at)),
    shade: (right, down) => store.set({ window: shaded(store.state.window, right, down) }),
    pan: (right, down) => {
      pane.pan(right, down);
      steered.redraw();
    },
    zoom: (factor, at) => {
      pane.zoom(factor, at);
      steered.redraw();
    },
    maximise: () => {
      if (!placesPoints(store.state.tool)) steered.maximise();
    },
  });
  grabHandles(pane.marks, (measurement, which, at) => {
    const to = pane.worldAt(at);
    const from = store.state.measurements[measurement]?.points[which];
    // A point of another slice keeps its depth: it moves only as far as is seen.
    if (to && from) movePoint(store, measurement, which, add(to, along(subtract(from, to), pane.axes.onward)));
  });
  pane.root.addEventListener("keydown", (event) => {
    if (event.target !== pane.root || event.ctrlKey || event.altKey || event.metaKey) return;
    if (key(pane, store, steered, scroll, event)) event.preventDefault();
  });
}

/** Do what a key stands for; whether it stands for anything. */
function key(
  pane: Pane,
  store: Store,
  steered: Steered,
  scroll: (slices: number) => void,
  { key: name, shiftKey }: KeyboardEvent,
): boolean {
  const { right, down } = pane.axes;
  const step = (direction: Vec3, way: number) =>
    shift(store, scale(direction, way * pane.step(direction) * (shiftKey ? 10 : 1)));
  const { width, height } = pane.size();
  const zoom = (factor: number) => {
    pane.zoom(factor, [width / 2, height / 2]);
    steered.redraw();
  };
  const keys: Record<string, () => void> = {
    ArrowLeft: () => step(right, -1),
    ArrowRight: () => step(right, 1),
    ArrowUp: () => step(down, -1),
    ArrowDown: () => step(down, 1),
    PageUp: () => scroll(shiftKey ? -10 : -1),
    PageDown: () => scroll(shiftKey ? 10 : 1),
    "+": () => zoom(1.25),
    "-": () => zoom(0.8),
    Home: () => {
      pane.fit();
      steered.redraw();
    },
    Enter: () => (placesPoints(store.state.tool) ? placePoint(store, store.state.crosshair) : steered.maximise()),
  };
  keys[name]?.();
  return name in keys;
}

const shift = (store: Store, by: Vec3): void => store.set({ crosshair: add(store.state.crosshair, by) });

const along = (v: Vec3, direction: Vec3): Vec3 => scale(direction, dot(v, direction));

/** To the right is wider, up is brighter; a wide window moves faster. */
function shaded({ level, width }: Window, right: number, down: number): Window {
  const speed = width / 250;
  return { level: level + down * speed, width: Math.max(width + right * speed, width / 10) };
}
