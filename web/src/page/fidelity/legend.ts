import { ERROR_TOP, errorColor, UNKNOWN } from "../../render/error_map";
import type { Vec3 } from "../../vectors";
import { element } from "../dom";

const STOPS = 24;
const TICKS = 4;

const css = (color: Vec3): string => `rgb(${color.map((part) => Math.round(255 * part)).join(" ")})`;

/** What the colours of errors mean. */
export function errorLegend(): HTMLElement {
  const stops = Array.from({ length: STOPS + 1 }, (_, k) => css(errorColor(k / STOPS)));
  const ticks = Array.from({ length: TICKS + 1 }, (_, k) => {
    const percent = (100 * ERROR_TOP * k) / TICKS;
    return element("span", {}, k < TICKS ? String(percent) : `≥ ${percent}`);
  });
  const scale = element("div", { class: "error-scale" });
  scale.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
  const swatch = element("span", { class: "swatch" });
  swatch.style.background = css(UNKNOWN);
  return element(
    "figure",
    { class: "error-legend", "aria-label": "Fidelity: what the colours mean" },
    element("figcaption", {}, "Difference from path-traced truth, % of full brightness"),
    scale,
    element("div", { class: "error-ticks" }, ...ticks),
    element("div", { class: "error-unknown" }, swatch, "Seen in no view"),
  );
}
