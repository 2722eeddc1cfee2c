import type { Vec3 } from "../../vectors";
import { element } from "../dom";
import { positionName } from "./planes";

const AXES = [
  ["Left to right", "left", "right", "sagittal"],
  ["Back to front", "back", "front", "coronal"],
  ["Foot to head", "foot", "head", "axial"],
] as const;
const STEP_MM = 0.5;
type Box = readonly [Vec3, Vec3];

/** Three sliders with two thumbs each: the sides of a clip box. */
export function boxSliders(limits: () => Box, change: (box: Box) => void): { root: HTMLElement; show(box: Box): void } {
  const inputs: HTMLInputElement[][] = [];
  const outputs: HTMLOutputElement[] = [];
  const read = (side: 0 | 1): Vec3 => inputs.map((pair) => pair[side].valueAsNumber) as unknown as Vec3;

  const rows = AXES.map(([label, low, high], axis) => {
    const output = element("output", { class: "value" });
    const pair = ([low, high] as const).map((end, side) => {
      const input = element("input", { type: "range", step: STEP_MM, "aria-label": `Clip box, ${end} side` });
      input.addEventListener("input", () => {
        const other = pair[1 - side].valueAsNumber;
        // The sides may meet but not cross.
        const value = side === 0 ? Math.min(input.valueAsNumber, other) : Math.max(input.valueAsNumber, other);
        input.valueAsNumber = value;
        change([read(0), read(1)]);
      });
      return input;
    });
    inputs[axis] = pair;
    outputs[axis] = output;
    const span = element("div", { class: "span" }, ...pair);
    return element("div", { class: "slider" }, element("span", {}, label), output, span);
  });

  const show = (box: Box) => {
    const [least, most] = limits();
    for (const [axis, [low, high]] of inputs.entries()) {
      for (const input of [low, high])
        Object.assign(input, { min: Math.floor(least[axis]), max: Math.ceil(most[axis]) });
      low.valueAsNumber = box[0][axis];
      high.valueAsNumber = box[1][axis];
      const [first, last] = box.map((corner) => positionName(AXES[axis][3], corner[axis]));
      outputs[axis].textContent = `${first.replace(" mm", "")} – ${last}`;
      const part = (value: number) => (value - Number(low.min)) / (Number(low.max) - Number(low.min));
      const style = low.parentElement!.style;
      style.setProperty("--from", String(part(box[0][axis])));
      style.setProperty("--to", String(part(box[1][axis])));
      low.setAttribute("aria-valuetext", first);
      high.setAttribute("aria-valuetext", last);
    }
  };
  return { root: element("div", { class: "box-sliders" }, ...rows), show };
}
