import { SLICE_HELP } from "../slices/steering";
import { iconButton } from "./controls";
import { element } from "./dom";
import type { ShortcutGroup, Shortcuts } from "./shortcuts";

const POINTER: readonly (readonly [string, string])[] = [
  ["Drag", "Turn"],
  ["Shift or right drag", "Move"],
  ["Wheel", "Nearer, further"],
  ["Double-click", "Turn about this point"],
  ["One finger", "Turn"],
  ["Two fingers", "Move, zoom"],
  ["Arrow keys", "Turn"],
  ["Shift, arrow keys", "Move"],
];

const NAMES: Record<string, string> = { Escape: "Esc", " ": "Space" };

/** The sheet of all keys; made when it is opened, so that it knows every room's. */
export function helpSheet(parent: HTMLElement, shortcuts: Shortcuts): () => void {
  const body = element("div", { class: "help-columns" });
  const dialog = element("dialog", { class: "help", "aria-labelledby": "help-title" });
  const close = iconButton("close", "Close", () => dialog.close(), "Esc");
  dialog.append(element("header", {}, element("h2", { id: "help-title" }, "Mouse, touch and keys"), close), body);
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("keydown", (event) => event.key === "?" && dialog.close());
  parent.append(dialog);

  return () => {
    const gestures = (all: typeof POINTER) => all.flatMap(([gesture, does]) => row(gesture, does));
    const keys = (group: ShortcutGroup) =>
      list(
        group,
        shortcuts.all
          .filter((shortcut) => shortcut.group === group)
          .flatMap(({ key, does }) => row(element("kbd", {}, NAMES[key] ?? key.toUpperCase()), does)),
      );
    body.replaceChildren(
      list("Picture", gestures(POINTER)),
      keys("Tools"),
      list("Slices", gestures(SLICE_HELP)),
      keys("Page"),
      keys("View"),
    );
    dialog.showModal();
  };
}

const row = (how: HTMLElement | string, does: string): HTMLElement[] => [
  element("dt", {}, how),
  element("dd", {}, does),
];

const list = (title: string, rows: HTMLElement[]): HTMLElement =>
  element("section", {}, element("h3", {}, title), element("dl", {}, ...rows));
