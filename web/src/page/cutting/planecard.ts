import { orbitDirection } from "../../render/camera";
import type { ClipPlane } from "../../state";
import type { Vec3 } from "../../vectors";
import { choice, iconButton, type Slider, slider } from "../controls";
import { element } from "../dom";
import {
  type Axis,
  anglesOf,
  axisOf,
  flipped,
  placed,
  planeThrough,
  positionName,
  positionOf,
  reach,
  standardPlane,
} from "./planes";

const STEP_MM = 0.5;
/** So that a free plane does not jump to an axis while one angle passes it. */
const TILTED = 0.25;

interface CardEvents {
  change(plane: ClipPlane): void;
  remove(): void;
  /** The point through which a new orientation is laid. */
  pivot(): Vec3;
}

const angle = (value: number): string => `${Math.round(value)}°`.replace("-", "−");

/** The controls of one clip plane. */
export class PlaneCard {
  readonly root: HTMLElement;
  private plane: ClipPlane = { normal: [0, 0, 1], offset: 0 };
  private readonly axis: HTMLSelectElement;
  private readonly position: Slider;
  private readonly turn: Slider;
  private readonly tilt: Slider;

  constructor(
    title: string,
    private readonly box: () => readonly [Vec3, Vec3],
    private readonly events: CardEvents,
  ) {
    const [axisRow, axis] = choice(
      title,
      [
        ["axial", "Axial"],
        ["coronal", "Coronal"],
        ["sagittal", "Sagittal"],
        ["free", "Free"],
      ],
      (value) => this.orient(value as Axis),
    );
    this.axis = axis;
    this.position = slider({
      label: "Position",
      low: 0,
      high: 1,
      step: STEP_MM,
      format: (position) => positionName(axisOf(this.plane), position),
      change: (position) => events.change(placed(this.plane, position)),
    });
    const angles = (label: string, most: number) =>
      slider({ label, low: -most, high: most, step: 1, format: angle, change: () => this.tilted() });
    this.turn = angles("Turn", 180);
    this.tilt = angles("Tilt", 90);
    axisRow.append(
      iconButton("flip", `Flip ${title.toLowerCase()}`, () => events.change(flipped(this.plane))),
      iconButton("remove", `Remove ${title.toLowerCase()}`, events.remove),
    );
    this.root = element(
      "div",
      { class: "plane", role: "group", "aria-label": title },
      axisRow,
      this.position.root,
      this.turn.root,
      this.tilt.root,
    );
  }

  show(plane: ClipPlane): void {
    this.plane = plane;
    const axis = axisOf(plane);
    this.axis.value = axis;
    const [low, high] = reach(plane, this.box());
    this.position.span(Math.floor(low), Math.ceil(high), STEP_MM);
    this.position.show(positionOf(plane));
    this.turn.root.hidden = this.tilt.root.hidden = axis !== "free";
    const { azimuth, elevation } = anglesOf(plane);
    // A slider in the hand says itself where it stands: near the poles the plane does not tell its turn.
    if (document.activeElement !== this.turn.input) this.turn.show(azimuth);
    if (document.activeElement !== this.tilt.input) this.tilt.show(elevation);
  }

  private orient(axis: Axis): void {
    if (axis !== "free") this.events.change(standardPlane(axis, this.events.pivot()));
    else {
      const { azimuth, elevation } = anglesOf(this.plane);
      const down = elevation > 0 ? -20 : 20;
      this.events.change(planeThrough(this.events.pivot(), orbitDirection(azimuth + 20, elevation + down)));
    }
  }

  private tilted(): void {
    const direction = (nudge: number) =>
      planeThrough(
        this.events.pivot(),
        orbitDirection(this.turn.input.valueAsNumber + nudge, this.tilt.input.valueAsNumber + nudge),
      );
    const plane = direction(0);
    this.events.change(axisOf(plane) === "free" ? plane : direction(TILTED));
  }
}
