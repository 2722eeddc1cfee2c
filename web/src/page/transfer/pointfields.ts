import type { TransferPoints } from "../../scene/types";
import { iconButton } from "../controls";
import { element } from "../dom";
import { coloured, hexOf, moved, removed, rgbOf } from "./points";

interface PointFields {
  root: HTMLElement;
  show(points: TransferPoints, index: number): void;
}

/** Value, opacity and colour of the chosen point as numbers. */
export function pointFields(
  edit: (points: TransferPoints) => void,
  chosen: () => [points: TransferPoints, index: number],
  unit: () => string,
): PointFields {
  const value = element("input", { type: "number", class: "field", "aria-label": "Value of the point", step: 1 });
  const opacity = element("input", {
    type: "number",
    class: "field",
    "aria-label": "Opacity of the point in percent",
    min: 0,
    max: 100,
    step: "any",
  });
  const color = element("input", { type: "color", "aria-label": "Colour of the point" });
  const remove = iconButton("remove", "Remove point", () => edit(removed(...chosen())), "Delete");
  const move = () => {
    const [points, index] = chosen();
    if (Number.isFinite(value.valueAsNumber) && Number.isFinite(opacity.valueAsNumber)) {
      edit(moved(points, index, value.valueAsNumber, opacity.valueAsNumber / 100));
    }
  };
  value.addEventListener("change", move);
  opacity.addEventListener("change", move);
  color.addEventListener("input", () => edit(coloured(...chosen(), rgbOf(color.value))));
  const unitText = element("span", { class: "hint" });
  const root = element(
    "div",
    { class: "point-fields" },
    color,
    value,
    unitText,
    opacity,
    element("span", { class: "hint" }, "%"),
    remove,
  );
  return {
    root,
    show: (points, index) => {
      const point = points[index];
      if (!point) return;
      value.value = String(Number(point[0].toFixed(1)));
      opacity.value = String(Number((point[4] * 100).toPrecision(4)));
      color.value = hexOf(point.slice(1, 4));
      unitText.textContent = unit();
      remove.disabled = points.length < 2;
    },
  };
}
