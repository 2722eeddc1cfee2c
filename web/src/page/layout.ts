import { iconButton } from "./controls";
import { drawing, element } from "./dom";
import type { IconName } from "./icons";

/** The panels of the side, in the order of their buttons. */
export const PANELS = [
  ["organs", "Organs"],
  ["transfer", "Colour and opacity"],
  ["cut", "Cuts"],
  ["view", "View"],
  ["notes", "Notes and bookmarks"],
  ["about", "About this scene"],
] as const satisfies readonly (readonly [IconName, string])[];

export type PanelName = (typeof PANELS)[number][0];

/** CSS pixels; in a page less wide, the open side panel hides much of the picture. */
const NARROW = 720;

/** Where the parts of the page go. */
export interface Layout {
  root: HTMLElement;
  canvas: HTMLCanvasElement;
  /** A drawing over the canvas in its CSS pixels, which lets the pointer through unless a part of it asks for it. */
  overlay: SVGSVGElement;
  /** Holds canvas and overlay; the place for what floats over the picture. */
  stage: HTMLElement;
  /** Bars over the picture: what the pointer does; what is done with the picture; where the camera stands. */
  tools: HTMLElement;
  actions: HTMLElement;
  corner: HTMLElement;
  /** A line of text below the picture: what was picked, and the scale. */
  readout: HTMLElement;
  /** The three slices go here; hidden until asked for. */
  slices: HTMLElement;
  /** Bodies of the side panels. */
  panels: Record<PanelName, HTMLElement>;
  /** Buttons below those of the panels. */
  foot: HTMLElement;
  /** Let the panels be reached, once there is something to fill them with. */
  begin(): void;
  /** Open a panel, or fold the side with null. */
  open(panel: PanelName | null): void;
  /** The open panel, or the last that was. */
  opened(): { panel: PanelName; folded: boolean };
}

/** Build the page's skeleton into `parent`. */
export function layOut(parent: HTMLElement): Layout {
  const canvas = element("canvas", {
    class: "canvas",
    tabindex: 0,
    role: "application",
    "aria-label": "3D view: drag to turn, shift and drag to move, wheel to zoom, arrow keys to turn",
  });
  const overlay = drawing("svg", { class: "overlay", "aria-hidden": "true" });
  const bar = (name: string, label: string) =>
    element("div", { class: `bar ${name}`, role: "toolbar", "aria-label": label });
  const [tools, actions] = [bar("tools", "Tools"), bar("actions", "Picture")];
  const corner = element("div", { class: "corner" });
  const readout = element("div", { class: "readout" });
  const stage = element("div", { class: "stage" }, canvas, overlay, tools, actions, corner, readout);
  const slices = element("div", { class: "slices", hidden: true });
  const foot = element("div", { class: "foot" });
  const rail = element("nav", { class: "rail", "aria-label": "Panels", inert: true });
  const side = element("aside", { class: "side", id: "side" });

  let shown: PanelName = "organs";
  const buttons = new Map<PanelName, HTMLButtonElement>();
  const frames = new Map<PanelName, HTMLElement>();
  const open = (panel: PanelName | null) => {
    if (panel) shown = panel;
    side.hidden = panel === null;
    for (const [name, frame] of frames) frame.hidden = name !== panel;
    for (const [name, button] of buttons) button.setAttribute("aria-expanded", String(name === panel));
  };
  const panels = {} as Record<PanelName, HTMLElement>;
  for (const [name, title] of PANELS) {
    const button = iconButton(name, title, () => open(shown === name && !side.hidden ? null : name));
    button.setAttribute("aria-controls", `panel-${name}`);
    panels[name] = element("div", { class: "panel-body" });
    const frame = element(
      "section",
      { class: "panel", id: `panel-${name}`, "aria-label": title },
      element("h2", {}, title),
      panels[name],
    );
    buttons.set(name, button);
    frames.set(name, frame);
    rail.append(button);
    side.append(frame);
  }
  rail.append(foot);
  const root = element("div", { class: "page" }, rail, side, element("main", { class: "work" }, stage, slices));
  parent.append(root);
  open(null);
  const begin = () => {
    rail.inert = false;
    open(innerWidth > NARROW ? "organs" : null);
  };
  const opened = () => ({ panel: shown, folded: Boolean(side.hidden) });
  return { root, canvas, overlay, stage, tools, actions, corner, readout, slices, panels, foot, begin, open, opened };
}
