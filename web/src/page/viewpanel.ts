import type { Orbit, Store } from "../state";
import type { Vec3 } from "../vectors";
import type { Commands } from "./commands";
import { folded, section, segments, slider, textButton, toggle } from "./controls";
import { element } from "./dom";
import { STANDARD_VIEWS } from "./orbiting";
import type { SceneStore } from "./scenes";
import { BACKGROUNDS, type Theme } from "./theme";
import { hexOf, rgbOf } from "./transfer/points";
import { windowSection } from "./windowing";

/** The panel of views, window, background and what only experts need. */
export function mountView(parent: HTMLElement, store: Store, scenes: SceneStore, commands: Commands): void {
  parent.append(
    cameraSection(store, commands),
    windowSection(store, scenes),
    appearanceSection(store),
    advancedSection(store),
  );
}

function cameraSection(store: Store, { look, reset }: Commands): HTMLElement {
  const views = STANDARD_VIEWS.map((view, index) => {
    const button = textButton(view.name, () => look(view));
    button.title = `Look from ${view.name.toLowerCase()} (${index + 1})`;
    return button;
  });
  const [projection, show] = segments<Orbit["projection"]>(
    "Projection",
    [
      ["perspective", "Perspective"],
      ["orthographic", "Orthographic"],
    ],
    (to) => store.set({ orbit: { ...store.state.orbit, projection: to } }),
  );
  const draw = () => show(store.state.orbit.projection);
  store.on(["orbit"], draw);
  draw();
  return section(
    "Camera",
    element("div", { class: "buttons pairs" }, ...views),
    projection,
    element("div", { class: "buttons" }, textButton("Reset view", reset, "reset")),
  );
}

const SWATCHES: readonly (readonly [name: string, color: Vec3])[] = [
  ["Black", [0, 0, 0]],
  ["Grey", [0.25, 0.27, 0.28]],
  ["White", [1, 1, 1]],
];

function appearanceSection(store: Store): HTMLElement {
  const [theme, showTheme] = segments<Theme>(
    "Theme",
    [
      ["dark", "Dark"],
      ["light", "Light"],
    ],
    (to) => store.set({ theme: to }),
  );
  const set = (background: Vec3) => store.set({ background });
  const chip = (name: string, color: () => Vec3) =>
    element("button", { type: "button", class: "chip", onclick: () => set(color()) }, name);
  const own = element("input", { type: "color", "aria-label": "Background colour" });
  own.addEventListener("input", () => set(rgbOf(own.value)));
  const draw = () => {
    showTheme(store.state.theme);
    own.value = hexOf(store.state.background);
  };
  store.on(["theme", "background"], draw);
  draw();
  return section(
    "Theme and background",
    theme,
    element(
      "div",
      { class: "buttons chips" },
      chip("As theme", () => BACKGROUNDS[store.state.theme]),
      ...SWATCHES.map(([name, color]) => chip(name, () => color)),
      own,
    ),
  );
}

function advancedSection(store: Store): HTMLElement {
  const [row, directional] = toggle("Directional (6D) Gaussians", (on) => store.set({ directional: on }));
  const fov = slider({
    label: "Field of view",
    low: 5,
    high: 75,
    step: 1,
    format: (degrees) => `${degrees}°`,
    change: (to) => {
      const { orbit } = store.state;
      // What lies in the plane of the target keeps its size.
      const half = (degrees: number) => Math.tan((degrees * Math.PI) / 360);
      store.set({ orbit: { ...orbit, fov: to, distance: (orbit.distance * half(orbit.fov)) / half(to) } });
    },
  });
  const draw = () => {
    directional.checked = store.state.directional;
    fov.show(store.state.orbit.fov);
  };
  store.on(["directional", "orbit"], draw);
  draw();
  return folded(
    "Advanced",
    row,
    element(
      "p",
      { class: "hint" },
      "Off shows what an ordinary splat viewer would: the same Gaussians from every side.",
    ),
    fov.root,
  );
}
