import { iconButton } from "./controls";
import { element } from "./dom";
import { icon } from "./icons";

const STAY_MS = 7000;

/** Short messages that come and go; errors stay until they are closed. */
export class Toasts {
  private readonly root = element("div", { class: "toasts", role: "status", "aria-live": "polite" });

  constructor(parent: HTMLElement) {
    parent.append(this.root);
  }

  tell(text: string): void {
    const toast = this.add(text, "done", "toast");
    setTimeout(() => toast.remove(), STAY_MS);
  }

  warn(text: string): void {
    this.add(text, "warning", "toast toast-warning").setAttribute("role", "alert");
  }

  private add(text: string, name: "done" | "warning", style: string): HTMLElement {
    const toast = element("div", { class: style }, icon(name), element("span", {}, text));
    toast.append(iconButton("close", "Close message", () => toast.remove()));
    this.root.append(toast);
    return toast;
  }
}
