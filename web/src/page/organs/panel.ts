import type { Organ } from "../../scene/types";
import type { Store } from "../../state";
import { counted, percent, slider, textButton } from "../controls";
import { element } from "../dom";
import { icon } from "../icons";
import type { SceneStore } from "../scenes";
import { countOf, faded, switched } from "./model";
import { OrganTree } from "./tree";

/** The panel of organs; returns its search field, for the shortcut. */
export function mountOrgans(
  parent: HTMLElement,
  store: Store,
  scenes: SceneStore,
  editTransfer: (group: number) => void,
): HTMLInputElement {
  const search = element("input", {
    type: "search",
    class: "search",
    placeholder: "Search organs",
    "aria-label": "Search organs",
  });
  const everything = () => scenes.state.header.organs;
  const all = textButton("Show all", () => store.set(switched(store.state, everything(), true)));
  const none = textButton("Hide all", () => store.set(switched(store.state, everything(), false)));

  let chosen: readonly Organ[] = [];
  const heading = element("h3", {});
  const fade = slider({
    label: "Opacity",
    low: 0,
    high: 1,
    step: 0.01,
    format: percent,
    change: (part) => store.set(faded(store.state, targets(), part)),
  });
  const targets = () => (chosen.length > 0 ? chosen : everything());
  const colour = textButton("Edit colour", () => editTransfer(targets()[0].group_index), "transfer");
  const inspect = (title: string, organs: readonly Organ[]) => {
    chosen = organs;
    heading.replaceChildren(title, element("span", { class: "value" }, ` ${counted(countOf(targets()))} Gaussians`));
    colour.hidden = chosen.length === 0 || store.state.transfer === null;
    show();
  };
  const show = () => {
    const parts = targets().map(({ id }) => store.state.opacity[id]);
    fade.show(parts.reduce((sum, part) => sum + part, 0) / (parts.length || 1));
  };
  const tree = new OrganTree(store, scenes, inspect);
  search.addEventListener("input", () => tree.filter(search.value));
  search.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    tree.root.querySelector<HTMLElement>("[tabindex='0']")?.focus();
  });
  store.on(["opacity"], show);
  inspect("All organs", []);

  parent.classList.add("organs");
  parent.append(
    element(
      "div",
      { class: "organs-head" },
      element("div", { class: "search-box" }, icon("search"), search),
      all,
      none,
    ),
    tree.root,
    element("div", { class: "section inspector" }, heading, fade.root, colour),
  );
  return search;
}
