import { iconButton } from "./controls";
import { type Child, element } from "./dom";

/** One entry of a list: what it says, and a button that removes it. */
export const listRow = (name: string, remove: () => void, ...content: Child[]): HTMLLIElement =>
  element("li", { class: "list-row" }, ...content, iconButton("remove", `Delete ${name}`, remove));

/** A list that says what to do while it is empty. */
export class List {
  private readonly list = element("ul", { class: "list" });
  private readonly hint: HTMLElement;
  readonly root: HTMLElement;

  constructor(label: string, hint: string) {
    this.list.setAttribute("aria-label", label);
    this.hint = element("p", { class: "hint" }, hint);
    this.root = element("div", {}, this.list, this.hint);
  }

  show(rows: readonly HTMLLIElement[]): void {
    // Rebuilding takes the focus away: give it back to what stands in the same place.
    const at = [...this.list.querySelectorAll("button, input")].indexOf(document.activeElement!);
    this.list.replaceChildren(...rows);
    this.list.hidden = rows.length === 0;
    this.hint.hidden = rows.length > 0;
    const controls = this.list.querySelectorAll<HTMLElement>("button, input");
    if (at >= 0) controls[Math.min(at, controls.length - 1)]?.focus();
  }

  /** The field of the last entry, to be typed into. */
  editLast(): void {
    const field = [...this.list.querySelectorAll("input")].at(-1);
    field?.focus();
    field?.select();
  }
}
