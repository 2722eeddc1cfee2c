import type { Place } from "../tools/marks";
import type { Grid } from "./grid";
import { flatten, type PlaneAxes, type PlanePoint } from "./planes";

/** Which part of a plane a pane shows: what lies in its middle, and mm per CSS pixel, the same both ways. */
export interface Framing {
  center: PlanePoint;
  scale: number;
}

/** CSS pixels. */
export interface Size {
  width: number;
  height: number;
}

const MARGIN = 1.04;

/** Show the whole volume. */
export function frameGrid(grid: Grid, axes: PlaneAxes, { width, height }: Size): Framing {
  const [a, b] = grid.box.map((corner) => flatten(axes, corner));
  const scale = Math.max(Math.abs(b[0] - a[0]) / width, Math.abs(b[1] - a[1]) / height) * MARGIN;
  return { center: flatten(axes, grid.center), scale };
}

export const toPlane = ({ center, scale }: Framing, size: Size, [x, y]: Place): PlanePoint => [
  center[0] + (x - size.width / 2) * scale,
  center[1] + (y - size.height / 2) * scale,
];

export const toPane = ({ center, scale }: Framing, size: Size, [u, v]: PlanePoint): Place => [
  (u - center[0]) / scale + size.width / 2,
  (v - center[1]) / scale + size.height / 2,
];

export const panned = ({ center, scale }: Framing, right: number, down: number): Framing => ({
  center: [center[0] - right * scale, center[1] - down * scale],
  scale,
});

/** Closer by a factor, what is under the pointer staying there; `whole` is the scale that shows the whole volume. */
export function zoomed(framing: Framing, whole: number, size: Size, factor: number, at: Place): Framing {
  const scale = Math.min(Math.max(framing.scale / factor, whole / 50), whole * 3);
  const [u, v] = toPlane(framing, size, at);
  return { scale, center: [u - (at[0] - size.width / 2) * scale, v - (at[1] - size.height / 2) * scale] };
}
