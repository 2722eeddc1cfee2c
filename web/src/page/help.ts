import { iconButton } from "./controls";
import { element } from "./dom";
import type { Shortcuts } from "./shortcuts";

const POINTER: readonly (readonly [string, string])[] = [
  ["Drag", "Turn"],
  ["Right or Shift drag", "Move"],
  ["Wheel", "Nearer, further"],
  ["Double-click", "Turn about this point"],
  ["One finger", "Turn"],
  ["Two fingers", "Move, nearer, further"],
  ["Arrow keys", "Turn; with Shift move"],
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

  const list = (title: string, rows: readonly (readonly [string, string])[]) =>
    element(
      "section",
      {},
      element("h3", {}, title),
      element(
        "dl",
        {},
        ...rows.flatMap(([key, does]) => [element("dt", {}, element("kbd", {}, key)), element("dd", {}, does)]),
      ),
    );
  return () => {
    const groups = new Map<string, [string, string][]>();
    for (const { group, key, does } of shortcuts.all) {
      const name = NAMES[key] ?? (key.length === 1 ? key.toUpperCase() : key);
      groups.set(group, [...(groups.get(group) ?? []), [name, does]]);
    }
    body.replaceChildren(list("Picture", POINTER), ...[...groups].map(([group, rows]) => list(group, rows)));
    dialog.showModal();
  };
}
