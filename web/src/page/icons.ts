import { drawing } from "./dom";

/** Strokes on a grid of 16 units. */
const PATHS = {
  organs: "M2.5 4h1M2.5 8h1M2.5 12h1M6 4h7.5M6 8h7.5M6 12h7.5",
  transfer: "M2 13.5h12M2 11.5l3.5-1 3-6L11 7l3-4.5",
  cut: "M3 5.5 8 3l5 2.5v5L8 13l-5-2.5zM1 10.5 15 5.5",
  view: "M1.5 8S4 3.8 8 3.8 14.5 8 14.5 8 12 12.2 8 12.2 1.5 8 1.5 8zM8 6.1a1.9 1.9 0 1 0 0 3.8 1.9 1.9 0 0 0 0-3.8z",
  notes: "M3 2.5h10v8L9.5 14H3zM9.5 14v-3.5H13M5.5 5.5h5M5.5 8h3",
  about: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 7.3v3.7M8 5v.2",
  help: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM6.2 6.4c.1-2.3 3.7-2.2 3.6.1C9.7 8 8 7.9 8 9.4M8 11.3v.2",
  dark: "M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5z",
  light:
    "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1.2v1.6M8 13.2v1.6M1.2 8h1.6M13.2 8h1.6M3.2 3.2l1.1 1.1M11.7 11.7l1.1 1.1M3.2 12.8l1.1-1.1M11.7 4.3l1.1-1.1",
  orbit: "M8 2.5a5.5 5.5 0 1 0 5.5 5.5M13.5 8V4.5M13.5 8H10M8 8v.1",
  pick: "M8 1.5v4M8 10.5v4M1.5 8h4M10.5 8h4M8 8v.1",
  distance: "M2 11.5 11.5 2 14 4.5 4.5 14zM5 8.5 6.3 9.8M7.5 6 9.3 7.8M10 3.5l1.3 1.3",
  angle: "M13 13H2.5L10.5 3M6.4 8.2A6 6 0 0 1 8.7 13",
  annotate: "M2.5 3h11v7.5H8L5 13.5v-3H2.5z",
  slices: "M2 2.5h12v11H2zM8 2.5v11M8 8h6",
  fidelity: "M2 11.5a6 6 0 0 1 12 0M8 11.5l3-4.5M3.8 7.3l.9.9M8 5.5v1.2M2 13.5h12",
  camera: "M2 5h2.5L6 3h4l1.5 2H14v8H2zM8 6.5a2.3 2.3 0 1 0 0 4.6 2.3 2.3 0 0 0 0-4.6z",
  video: "M2 4h8.5v8H2zM10.5 7 14 5v6l-3.5-2z",
  bookmark: "M4.5 2.5h7v11L8 10.8 4.5 13.5z",
  reset: "M3 8a5 5 0 1 0 1.6-3.7M3 2.5v3h3",
  perspective: "M2 5.5h8v8H2zM2 5.5 6.5 2.5h6.5L10 5.5M13 2.5v7l-3 4",
  orthographic: "M2 5.5h8v8H2zM2 5.5l4-3h8l-4 3M14 2.5v8l-4 3",
  chevron: "M6 4l4 4-4 4",
  close: "M4 4l8 8M12 4l-8 8",
  add: "M8 3v10M3 8h10",
  remove: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.6 9h5.8l.6-9M7 7v4M9 7v4",
  flip: "M8 1.5v13M5.5 4 2 12h3.5zM10.5 4l3.5 8h-3.5z",
  enlarge: "M9.5 2.5h4v4M13.5 2.5 9 7M6.5 13.5h-4v-4M2.5 13.5 7 9",
  only: "M8 3.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM8 7a1 1 0 1 0 0 2 1 1 0 0 0 0-2zM8 1v2.5M8 12.5V15M1 8h2.5M12.5 8H15",
  centre: "M2 5.5V2h3.5M10.5 2H14v3.5M14 10.5V14h-3.5M5.5 14H2v-3.5M8 6.5v3M6.5 8h3",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.3l3.2 3.2",
  save: "M8 2v8M5 7l3 3 3-3M2.5 13.5h11",
  load: "M8 10.5v-8M5 5l3-3 3 3M2.5 13.5h11",
  undo: "M6 3 3 6l3 3M3 6h6.5a3.5 3.5 0 0 1 0 7H6",
  done: "M3 8.5 6.5 12 13 4.5",
  warning: "M8 2.2 14.5 13.5h-13zM8 6.5v3.3M8 11.5v.2",
  facing: "M3 3v10M6 8h8M11 5l3 3-3 3",
} as const;

export type IconName = keyof typeof PATHS;

/** A line icon in the colour of the text; it says nothing to a screen reader. */
export function icon(name: IconName): SVGSVGElement {
  return drawing(
    "svg",
    { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" },
    drawing("path", { d: PATHS[name] }),
  );
}
