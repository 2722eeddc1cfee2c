/** The headings of the help sheet. */
export type ShortcutGroup = "Tools" | "Page" | "View";

export interface Shortcut {
  /** As in KeyboardEvent.key; letters in lower case. */
  key: string;
  does: string;
  group: ShortcutGroup;
  run(): void;
}

const TYPING = "input:not([type=range],[type=checkbox],[type=color]), textarea, select, [contenteditable]";

/** Keys of the whole page; rooms add theirs and the help sheet lists them all. */
export class Shortcuts {
  readonly all: Shortcut[] = [];

  constructor() {
    document.addEventListener("keydown", (event) => this.press(event));
  }

  add(group: ShortcutGroup, key: string, does: string, run: () => void): void {
    this.all.push({ group, key, does, run });
  }

  private press(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target instanceof Element && event.target.matches(TYPING);
    if (typing || document.querySelector("dialog[open]")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const shortcut = this.all.find((one) => one.key === key);
    if (!shortcut) return;
    event.preventDefault();
    shortcut.run();
  }
}
