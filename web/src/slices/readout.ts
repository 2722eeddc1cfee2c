import { element } from "../page/dom";
import type { VolumeHeader } from "../scene/types";
import type { Vec3 } from "../vectors";
import type { Sample } from "./grid";
import { positionText } from "./planes";

/** What a sample is for people: "45 HU · liver". */
export function sampleText(
  sample: Sample | null,
  unit: VolumeHeader["unit"],
  organs: ReadonlyMap<number, string>,
): string {
  if (!sample) return "outside the scan";
  const value =
    unit === "HU" ? `${sample.value.toFixed(0).replace("-", "−")} HU` : `${Number(sample.value.toPrecision(4))}`;
  const organ = organs.get(sample.label);
  return organ ? `${value} · ${organ}` : value;
}

/** A line that tells position, value and organ under the pointer, or at the crosshair. */
export class Readout {
  private readonly position = element("span", { class: "slice-position" });
  private readonly sample = element("span", { class: "slice-sample" });
  readonly root = element(
    "div",
    { class: "slice-readout", role: "status", "aria-live": "off" },
    this.position,
    this.sample,
  );

  show(p: Vec3, text: string): void {
    this.position.textContent = `${positionText(p)} mm`;
    this.sample.textContent = text;
  }

  /** Moves by key are spoken; those of a pointer would never stop talking. */
  speak(on: boolean): void {
    this.root.setAttribute("aria-live", on ? "polite" : "off");
  }
}
