import { iconButton } from "./controls";
import { type Child, element } from "./dom";

/** One entry of a list; what it shows is read anew by `show`. */
export interface Row {
  root: HTMLElement;
  show(): void;
}

/** An entry that can be removed; `name` is what is removed, as it is called now. */
export function row(name: () => string, remove: () => void, show: () => void, ...content: Child[]): Row {
  const bin = iconButton("remove", "Delete", remove);
  return {
    root: element("li", { class: "list-row" }, ...content, bin),
    show: () => {
      bin.setAttribute("aria-label", `Delete ${name()}`);
      bin.title = `Delete ${name()}`;
      show();
    },
  };
}

/** A field for the text of an entry, which leaves alone what is being typed. */
export function textField(
  label: string,
  read: () => string,
  change: (text: string) => void,
): Row & { root: HTMLInputElement } {
  const root = element("input", { type: "text", class: "list-field", "aria-label": label });
  root.addEventListener("input", () => change(root.value));
  const show = () => {
    if (root.value !== read()) root.value = read();
  };
  return { root, show };
}

/** A list that says what to do while it is empty; `make` gives the entry of an index. */
export class List {
  private readonly rows: Row[] = [];
  private readonly list = element("ul", { class: "list" });
  private readonly hint: HTMLElement;
  readonly root: HTMLElement;

  constructor(
    label: string,
    hint: string,
    private readonly make: (index: number) => Row,
  ) {
    this.list.setAttribute("aria-label", label);
    this.hint = element("p", { class: "hint" }, hint);
    this.root = element("div", {}, this.list, this.hint);
  }

  /** Show this many entries. Those that stay are not made anew, so that none loses the focus. */
  show(count: number): void {
    while (this.rows.length < count) {
      this.rows.push(this.make(this.rows.length));
      this.list.append(this.rows.at(-1)!.root);
    }
    const focused = this.list.contains(document.activeElement);
    while (this.rows.length > count) this.rows.pop()!.root.remove();
    for (const entry of this.rows) entry.show();
    this.list.hidden = count === 0;
    this.hint.hidden = count > 0;
    if (focused && !this.list.contains(document.activeElement))
      this.list.querySelector<HTMLElement>("button, input")?.focus();
  }

  /** The field of the last entry, to be typed into. */
  editLast(): void {
    const field = this.rows.at(-1)?.root.querySelector("input");
    field?.focus();
    field?.select();
  }
}
