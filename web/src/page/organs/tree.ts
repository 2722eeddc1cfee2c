import type { Organ, TransferFunctions } from "../../scene/types";
import type { Store } from "../../state";
import { element } from "../dom";
import { trustOf } from "../fidelity/trust";
import type { SceneStore } from "../scenes";
import { swatchColor } from "../transfer/swatch";
import { grouped, isAlone, searched, switched } from "./model";
import { organTitle } from "./names";
import { type NodeActions, TreeNode } from "./node";

/** The organs by group: switched, shown alone and selected by mouse, touch and keys (the ARIA pattern of a tree). */
export class OrganTree implements NodeActions {
  readonly root = element("ul", {
    role: "tree",
    class: "tree",
    "aria-label": "Organs",
    "aria-multiselectable": "false",
    onkeydown: (event) => this.press(event as KeyboardEvent),
  });
  private nodes: TreeNode[] = [];
  private selected: TreeNode | null = null;
  private search = "";
  private readonly open = new Set<string>();
  private beforeOnly: readonly boolean[] | null = null;
  /** What was shown when organs were last shown alone. */
  private alone: readonly boolean[] | null = null;

  constructor(
    private readonly store: Store,
    private readonly scenes: SceneStore,
    private readonly onselect: (title: string, organs: readonly Organ[]) => void,
  ) {
    store.on(["visible", "opacity"], () => this.update());
    store.on(["transfer"], (_, before) => this.paint(before.transfer));
    scenes.on(["histograms"], () => this.paint());
    scenes.on(["header"], () => this.build());
    this.build();
  }

  filter(search: string): void {
    this.search = search;
    this.build();
  }

  select(node: TreeNode, focus = true): void {
    this.selected = node;
    for (const each of this.nodes) {
      each.item.tabIndex = each === node ? 0 : -1;
      each.item.setAttribute("aria-selected", String(each === node));
    }
    if (focus) node.item.focus();
    this.onselect(node.title, node.organs);
  }

  check(node: TreeNode, on: boolean): void {
    this.store.set(switched(this.store.state, node.organs, on));
  }

  /** Show these alone; asked again, show what was shown before. */
  only(node: TreeNode): void {
    const { visible } = this.store.state;
    const all = this.scenes.state.header.organs;
    if (isAlone(node.organs, all, visible)) {
      const before = visible === this.alone ? this.beforeOnly : null;
      this.store.set(before ? { visible: before } : switched(this.store.state, all, true));
      this.beforeOnly = null;
      return;
    }
    // From one organ alone to the next: what comes back in the end is what there was before the first.
    if (visible !== this.alone) this.beforeOnly = visible;
    const none = switched(this.store.state, all, false);
    this.store.set(switched({ ...this.store.state, ...none }, node.organs, true));
    this.alone = this.store.state.visible;
  }

  centre(node: TreeNode): void {
    const total = node.organs.reduce((sum, { count }) => sum + count, 0) || 1;
    const mean = (axis: number) => node.organs.reduce((sum, o) => sum + (o.center_mm[axis] * o.count) / total, 0);
    this.store.set({ orbit: { ...this.store.state.orbit, target: [mean(0), mean(1), mean(2)] } });
  }

  expand(node: TreeNode, open: boolean): void {
    if (open) this.open.add(node.key);
    else this.open.delete(node.key);
    node.expanded = open;
  }

  private build(): void {
    const key = this.selected?.key;
    this.nodes = [];
    const groups = searched(grouped(this.scenes.state.header.organs), this.search);
    this.root.replaceChildren(
      ...groups.map((group) => {
        if (group.organs.length === 1) return this.add(`organ-${group.organs[0].id}`, group.organs, null, null).item;
        const list = element("ul", { role: "group" });
        const node = this.add(`group-${group.index}`, group.organs, null, list, group.title);
        node.expanded = this.search !== "" || this.open.has(node.key);
        list.append(...group.organs.map((organ) => this.add(`organ-${organ.id}`, [organ], node, null).item));
        return node.item;
      }),
    );
    if (groups.length === 0) this.root.append(element("li", { class: "hint empty" }, "No organ has such a name."));
    const again = this.nodes.find((node) => node.key === key) ?? this.nodes[0];
    if (again) again.item.tabIndex = 0;
    if (again?.key === key && again) this.select(again, false);
    this.update();
    this.paint();
  }

  private add(
    key: string,
    organs: readonly Organ[],
    parent: TreeNode | null,
    children: HTMLUListElement | null,
    title = organTitle(organs[0].name),
  ): TreeNode {
    const trust = trustOf(this.scenes.state.header.fidelity, organs, children !== null);
    const node = new TreeNode(key, title, organs, parent, children, trust, this);
    this.nodes.push(node);
    return node;
  }

  private update(): void {
    for (const node of this.nodes) node.update(this.store.state, this.scenes.state.header.organs);
  }

  /** Colour the swatches; while a function is dragged, only those of its group. */
  private paint(before: TransferFunctions | null = null): void {
    const { transfer } = this.store.state;
    for (const node of this.nodes) {
      const group = node.organs[0].group_index;
      if (before && before.groups[group] === transfer?.groups[group]) continue;
      node.paint(swatchColor(node.organs, transfer, this.scenes.state.histograms));
    }
  }

  private press(event: KeyboardEvent): void {
    const reachable = this.nodes.filter(({ parent }) => !parent || parent.expanded);
    const at = reachable.findIndex(({ item }) => item === document.activeElement);
    const node = reachable[at];
    if (!node || event.ctrlKey || event.metaKey || event.altKey) return;
    const go = (to: TreeNode | undefined | null) => to && this.select(to);
    const keys: Record<string, () => void> = {
      ArrowDown: () => go(reachable[at + 1]),
      ArrowUp: () => go(reachable[at - 1]),
      Home: () => go(reachable[0]),
      End: () => go(reachable.at(-1)),
      ArrowRight: () =>
        node.children && !node.expanded ? this.expand(node, true) : go(node.children && reachable[at + 1]),
      ArrowLeft: () => (node.children && node.expanded ? this.expand(node, false) : go(node.parent)),
      " ": () => this.check(node, node.item.getAttribute("aria-checked") !== "true"),
      Enter: () => this.only(node),
    };
    const run = keys[event.key];
    if (!run) return;
    event.preventDefault();
    run();
  }
}
