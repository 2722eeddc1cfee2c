import type { Unit } from "../scene/types";
import { counted } from "./controls";
import { element } from "./dom";
import { wholeTrust } from "./fidelity/trust";
import type { SceneStore } from "./scenes";

const UNIT_NAMES: Record<Unit, string> = {
  HU: "HU",
  relative: "relative to the scan’s range",
  arbitrary: "without a unit",
};

/** The panel that tells what the scene is and how it was made. */
export function mountAbout(parent: HTMLElement, scenes: SceneStore): void {
  const body = element("div", { class: "section" });
  const draw = () => {
    const { header, volume } = scenes.state;
    const size = ([low, high]: typeof header.extent_mm) => low.map((x, i) => Math.round(high[i] - x)).join(" × ");
    const facts: [string, string][] = [
      ["Gaussians", counted(header.count)],
      ["Organs", counted(header.organs.length)],
      ["Size", `${size(header.extent_mm)} mm`],
      ["Values", header.value_range ? UNIT_NAMES[header.unit] : "not kept"],
      ["Scan", volume ? `${volume.header.shape.join(" × ")} voxels` : "not included"],
      ["Trust", wholeTrust(header.fidelity)],
      ...Object.entries(header.facts).map(([name, value]): [string, string] => [
        name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " "),
        typeof value === "number" ? counted(value) : value,
      ]),
    ];
    const rows = facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]);
    body.replaceChildren(
      element("h3", { class: "scene-title" }, header.title),
      element("dl", { class: "facts" }, ...rows),
      element(
        "p",
        { class: "hint" },
        "A rendering for illustration and teaching. Not a medical device; not for diagnosis.",
      ),
    );
  };
  parent.append(body);
  scenes.on(["header", "volume"], draw);
  draw();
}
