import type { Organ } from "../../scene/types";
import type { ViewState } from "../../state";
import { counted, iconButton, percent } from "../controls";
import { element } from "../dom";
import type { Trust } from "../fidelity/trust";
import { icon } from "../icons";
import { countOf, isAlone, shownOf } from "./model";

const chip = ({ short, long }: Trust): HTMLElement =>
  element("span", { class: "trust", title: long }, icon("fidelity"), short);

export interface NodeActions {
  select(node: TreeNode): void;
  check(node: TreeNode, on: boolean): void;
  only(node: TreeNode): void;
  centre(node: TreeNode): void;
  expand(node: TreeNode, open: boolean): void;
}

/** A line of the tree: a group, or an organ. */
export class TreeNode {
  readonly item: HTMLLIElement;
  private readonly box: HTMLInputElement;
  private readonly swatch = element("span", { class: "swatch" });
  private readonly opacity = element("span", { class: "part" });
  private readonly solo: HTMLButtonElement;

  constructor(
    readonly key: string,
    readonly title: string,
    readonly organs: readonly Organ[],
    readonly parent: TreeNode | null,
    readonly children: HTMLUListElement | null,
    private readonly trust: Trust | null,
    actions: NodeActions,
  ) {
    const named = { tabindex: -1, "aria-hidden": "true" };
    this.box = element("input", { type: "checkbox", ...named, onchange: () => actions.check(this, this.box.checked) });
    this.solo = iconButton("only", `Show only ${title}`, () => actions.only(this));
    this.solo.tabIndex = -1;
    const chevron = element("button", {
      type: "button",
      class: "chevron",
      ...named,
      onclick: (event) => {
        event.stopPropagation();
        actions.expand(this, !this.expanded);
      },
    });
    if (children) chevron.append(icon("chevron"));
    const line = element(
      "div",
      { class: "node", onclick: () => actions.select(this) },
      chevron,
      this.box,
      this.swatch,
      element("span", { class: "title", title, ondblclick: () => actions.centre(this) }, title),
      element("span", { class: "figures" }, this.opacity, trust && chip(trust)),
      element("span", { class: "count", title: "Gaussians" }, counted(countOf(organs))),
      this.solo,
    );
    const level = parent ? 2 : 1;
    this.item = element("li", { role: "treeitem", tabindex: -1, "aria-level": level, "data-key": key }, line, children);
    if (children) this.item.setAttribute("aria-expanded", "false");
  }

  get expanded(): boolean {
    return this.item.getAttribute("aria-expanded") === "true";
  }

  set expanded(open: boolean) {
    this.item.setAttribute("aria-expanded", String(open));
  }

  /** Show what the state says of the organs. */
  update({ visible, opacity }: ViewState, all: readonly Organ[]): void {
    const shown = shownOf(this.organs, visible);
    this.box.checked = shown === "all";
    this.box.indeterminate = shown === "some";
    this.item.setAttribute("aria-checked", { all: "true", some: "mixed", none: "false" }[shown]);
    this.item.classList.toggle("off", shown === "none");
    const parts = this.organs.map(({ id }) => opacity[id]);
    const same = parts.every((part) => part === parts[0]);
    this.opacity.textContent = same ? (parts[0] === 1 ? "" : percent(parts[0])) : "mixed";
    this.solo.setAttribute("aria-pressed", String(shown === "all" && isAlone(this.organs, all, visible)));
    const trust = this.trust ? `, ${this.trust.long}` : "";
    this.item.setAttribute("aria-label", `${this.title}, ${counted(countOf(this.organs))} Gaussians${trust}`);
  }

  paint(color: string | null): void {
    this.swatch.style.background = color ?? "";
  }
}
