import type { Store, Tool } from "../state";
import { iconButton } from "./controls";
import type { Shortcuts } from "./shortcuts";

const TOOLS: readonly (readonly [tool: Tool, label: string, key: string])[] = [
  ["orbit", "Turn", "V"],
  ["pick", "Identify a point", "I"],
  ["distance", "Measure a distance", "D"],
  ["angle", "Measure an angle", "G"],
  ["annotate", "Write a note", "N"],
];

/** Buttons for what a click into the picture does; dragging turns the view whatever the tool. */
export function mountTools(bar: HTMLElement, root: HTMLElement, store: Store, shortcuts: Shortcuts): void {
  bar.setAttribute("role", "radiogroup");
  const choose = (tool: Tool) => store.set({ tool });
  const buttons = TOOLS.map(([tool, label, key]) => {
    const button = iconButton(tool, label, () => choose(tool), key);
    button.setAttribute("role", "radio");
    shortcuts.add("Tools", key.toLowerCase(), label, () => choose(tool));
    return button;
  });
  shortcuts.add("Tools", "Escape", "Back to turning", () => choose("orbit"));
  bar.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = TOOLS.findIndex(([tool]) => tool === store.state.tool);
    const next = (at + step + TOOLS.length) % TOOLS.length;
    choose(TOOLS[next][0]);
    buttons[next].focus();
  });
  const show = () => {
    for (const [index, [tool]] of TOOLS.entries()) {
      const chosen = tool === store.state.tool;
      buttons[index].setAttribute("aria-checked", String(chosen));
      buttons[index].tabIndex = chosen ? 0 : -1;
    }
    root.dataset.tool = store.state.tool;
  };
  bar.append(...buttons);
  store.on(["tool"], show);
  show();
}
