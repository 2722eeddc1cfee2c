import type { Unit } from "../scene/types";
import { CT_WINDOWS, windowOfValues } from "../slices/windows";
import type { Store, Window } from "../state";
import { section, slider } from "./controls";
import { element } from "./dom";
import type { SceneStore } from "./scenes";

/** The window before anyone chooses one: soft tissue, or all values where they have no unit. */
export function firstWindow(unit: Unit, range: readonly [number, number] | null): Window {
  if (unit === "HU" || !range) return CT_WINDOWS["Soft tissue"];
  return { level: (range[0] + range[1]) / 2, width: range[1] - range[0] };
}

/** Level and width of the grey values on slices and cut faces. */
export function windowSection(store: Store, scenes: SceneStore): HTMLElement {
  const presets = element("div", { class: "buttons chips", role: "group", "aria-label": "Window presets" });
  const format = (value: number) => `${Number(value.toPrecision(4))}`.replace("-", "−");
  const common = { low: 0, high: 1, step: 1, format };
  const level = slider({ label: "Level", ...common, change: (to) => set({ level: to }) });
  const width = slider({ label: "Width", ...common, change: (to) => set({ width: to }) });
  const set = (patch: Partial<Window>) => store.set({ window: { ...store.state.window, ...patch } });

  const show = () => {
    level.show(store.state.window.level);
    width.show(store.state.window.width);
    for (const button of presets.children) {
      const [l, w] = (button as HTMLElement).dataset.window!.split(",").map(Number);
      const pressed = l === store.state.window.level && w === store.state.window.width;
      button.setAttribute("aria-pressed", String(pressed));
    }
  };
  const build = () => {
    const { header, histograms, volume } = scenes.state;
    const [low, high] = [Math.floor(histograms.low), Math.ceil(histograms.high)];
    const step = header.unit === "HU" ? 1 : (high - low) / 1000;
    level.span(low, high, step);
    width.span(step, high - low, step);
    const windows: Record<string, Window> = {
      ...(header.unit === "HU" ? CT_WINDOWS : {}),
      ...(volume ? { "All values": windowOfValues(volume) } : {}),
    };
    const button = ([name, window]: [string, Window]) =>
      element(
        "button",
        {
          type: "button",
          class: "chip",
          "data-window": `${window.level},${window.width}`,
          onclick: () => store.set({ window }),
        },
        name,
      );
    presets.replaceChildren(...Object.entries(windows).map(button));
    show();
  };
  store.on(["window"], show);
  scenes.on(["header", "volume"], build);
  build();
  return section("Window of slices and cut faces", presets, level.root, width.root);
}
