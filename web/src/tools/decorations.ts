import type { Camera } from "../render/camera";
import { sideLetters } from "../slices/planes";
import type { Annotation, Measurement } from "../state";
import { scale, type Vec3 } from "../vectors";
import { type Place, valuePlace } from "./marks";
import { measureText } from "./measurements";
import { lengthText, roundLength } from "./scalebar";
import { projectionOf } from "./view3d";

/** What is written over a picture. */
export interface Decorations {
  /** mm from the camera to where the scale bar measures; null for no bar. */
  scaleAt: number | null;
  letters: boolean;
  measurements: readonly Measurement[];
  annotations: readonly Annotation[];
}

const MARK = "#ffe27a";
const TEXT = "#ffffff";

type Context = OffscreenCanvasRenderingContext2D;

/** Write over a picture of a camera, in sizes that suit it. */
export function decorate(context: Context, camera: Camera, decorations: Decorations): void {
  const unit = Math.max(Math.min(camera.width, camera.height) / 720, 0.5);
  context.font = `600 ${14 * unit}px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif`;
  context.lineJoin = "round";
  context.lineCap = "round";
  for (const measurement of decorations.measurements) drawMeasurement(context, camera, measurement, unit);
  for (const { point, text } of decorations.annotations) drawNote(context, camera, point, text, unit);
  if (decorations.letters) drawLetters(context, camera, unit);
  if (decorations.scaleAt !== null) drawScale(context, camera, decorations.scaleAt, unit);
}

/** The patient's sides to the left, right, top and bottom of a picture. */
function edgeLetters({ rotation }: Camera): readonly [left: string, right: string, top: string, bottom: string] {
  const right: Vec3 = [rotation[0], rotation[1], rotation[2]];
  const down: Vec3 = [rotation[3], rotation[4], rotation[5]];
  return [sideLetters(scale(right, -1)), sideLetters(right), sideLetters(scale(down, -1)), sideLetters(down)];
}

function drawLetters(context: Context, camera: Camera, unit: number): void {
  const { width, height } = camera;
  const edge = 18 * unit;
  const [left, right, top, bottom] = edgeLetters(camera);
  write(context, left, [edge * 0.6, height / 2], "left", TEXT, unit);
  write(context, right, [width - edge * 0.6, height / 2], "right", TEXT, unit);
  write(context, top, [width / 2, edge], "center", TEXT, unit);
  write(context, bottom, [width / 2, height - edge], "center", TEXT, unit);
}

function drawScale(context: Context, camera: Camera, distance: number, unit: number): void {
  const pixels = camera.orthographic ? camera.fx : camera.fx / distance;
  const mm = roundLength((camera.width * 0.25) / pixels);
  const end = camera.width - 16 * unit;
  const start = end - mm * pixels;
  const y = camera.height - 16 * unit;
  const tick = 5 * unit;
  stroke(context, [[start, y - tick], [start, y], [end, y], [end, y - tick]], TEXT, unit); // biome-ignore format: a path
  // In perspective nearer things are larger: the bar holds only where the camera turns about.
  const text = camera.orthographic ? lengthText(mm) : `${lengthText(mm)} at the centre`;
  write(context, text, [end, y - 16 * unit], "right", TEXT, unit);
}

function drawMeasurement(context: Context, camera: Camera, measurement: Measurement, unit: number): void {
  const places = measurement.points.map(projectionOf(camera));
  if (places.some((place) => place === null)) return;
  stroke(context, places as Place[], MARK, unit);
  for (const place of places as Place[]) drawPoint(context, place, unit);
  const at = valuePlace(measurement, projectionOf(camera), unit);
  if (at) write(context, measureText(measurement), [at[0], at[1] - 5 * unit], "left", MARK, unit);
}

function drawNote(context: Context, camera: Camera, point: Vec3, text: string, unit: number): void {
  const place = projectionOf(camera)(point);
  if (!place) return;
  drawPoint(context, place, unit);
  write(context, text, beside(place, unit), "left", MARK, unit);
}

const beside = ([x, y]: Place, unit: number): Place => [x + 10 * unit, y - 10 * unit];

function drawPoint(context: Context, [x, y]: Place, unit: number): void {
  context.beginPath();
  context.arc(x, y, 4 * unit, 0, 2 * Math.PI);
  context.fillStyle = MARK;
  context.strokeStyle = "#000";
  context.lineWidth = unit;
  context.fill();
  context.stroke();
}

/** A bright line with a dark one under it, so that it shows on anything. */
function stroke(context: Context, places: readonly Place[], colour: string, unit: number): void {
  context.beginPath();
  for (const [x, y] of places) context.lineTo(x, y);
  context.lineWidth = 4 * unit;
  context.strokeStyle = "#000a";
  context.stroke();
  context.lineWidth = 1.5 * unit;
  context.strokeStyle = colour;
  context.stroke();
}

function write(
  context: Context,
  text: string,
  [x, y]: Place,
  align: CanvasTextAlign,
  colour: string,
  unit: number,
): void {
  context.textAlign = align;
  context.textBaseline = "middle";
  context.lineWidth = 3 * unit;
  context.strokeStyle = "#000";
  context.strokeText(text, x, y);
  context.fillStyle = colour;
  context.fillText(text, x, y);
}
