import type { TransferPoints } from "../../scene/types";
import type { Store } from "../../state";
import { choice, segments, textButton } from "../controls";
import { element } from "../dom";
import { grouped } from "../organs/model";
import type { SceneStore } from "../scenes";
import type { Toasts } from "../toast";
import type { Domain, OpacityScale } from "./axes";
import { TransferEditor } from "./editor";
import { fitted } from "./fit";
import { pointFields } from "./pointfields";
import { withGroup } from "./points";
import { fileButtons, presetChoice } from "./presets";

/** Below this most, a group's opacities are told apart only on a logarithmic scale. */
const FAINT = 0.05;
const REFUSAL =
  "This scene does not keep the values and the light that its colours were made of, so it cannot be recoloured.";
const HINT = "Drag points; double-click adds one, Delete removes it. The wheel zooms the values.";

/** The panel of transfer functions. */
export class TransferPanel {
  private group = 0;
  private domain: Domain = { low: 0, high: 1 };
  private scale: OpacityScale = "linear";
  private readonly refusal = element("p", { class: "hint section" }, REFUSAL);
  private readonly body = element("div");
  private readonly counted = element("span", { class: "hint" });
  private readonly groups: HTMLSelectElement;
  private readonly showScale: (scale: OpacityScale) => void;
  private readonly presets;
  private readonly editor;
  private readonly fields;

  constructor(
    parent: HTMLElement,
    private readonly store: Store,
    private readonly scenes: SceneStore,
    toasts: Toasts,
  ) {
    const unit = () => (scenes.state.header.unit === "HU" ? "HU" : "");
    const edit = (points: TransferPoints) => this.edit(points);
    const select = () => this.fields.show(this.points, this.editor.selected);
    this.presets = presetChoice(store, scenes);
    this.editor = new TransferEditor({ edit, select, zoom: (next) => this.look(next) }, () => this.whole(), unit);
    this.fields = pointFields(edit, () => [this.points, this.editor.selected], unit);
    const [groupRow, groups] = choice("Organs", [], (value) => this.show(Number(value)));
    const [scaleRow, showScale] = segments<OpacityScale>(
      "Scale of opacity",
      [
        ["linear", "Linear"],
        ["log", "Logarithmic"],
      ],
      (next) => {
        this.scale = next;
        this.draw();
      },
    );
    [this.groups, this.showScale] = [groups, showScale];
    const spans = element(
      "div",
      { class: "buttons" },
      textButton("Fit", () => this.fit()),
      textButton("All values", () => this.look(this.whole())),
    );
    this.body.append(
      element("div", { class: "section" }, this.presets.root, fileButtons(store, scenes, toasts)),
      element(
        "div",
        { class: "section" },
        groupRow,
        scaleRow,
        this.editor.plot.root,
        element("div", { class: "row" }, this.counted, spans),
        this.fields.root,
        element("p", { class: "hint" }, HINT),
        element(
          "div",
          { class: "buttons" },
          textButton("Reset group", () => this.reset(), "undo"),
        ),
      ),
    );
    parent.append(this.refusal, this.body);
    store.on(["transfer"], (state, before) => (before.transfer && state.transfer ? this.draw() : this.build()));
    scenes.on(["header"], () => this.build());
    scenes.on(["histograms"], () => this.body.hidden || this.fit());
    this.build();
  }

  /** Show the function of a group of organs. */
  show(group: number): void {
    this.group = group;
    this.groups.value = String(group);
    this.scale = Math.max(...this.points.map((point) => point[4]), 0) < FAINT ? "log" : "linear";
    this.editor.selected = 0;
    this.fit();
  }

  private get points(): TransferPoints {
    return this.store.state.transfer?.groups[this.group] ?? [];
  }

  private get labels(): number[] {
    return this.scenes.state.header.organs.filter((organ) => organ.group_index === this.group).map(({ id }) => id);
  }

  private edit(points: TransferPoints): void {
    const { transfer } = this.store.state;
    if (transfer) this.store.set({ transfer: withGroup(transfer, this.group, points) });
  }

  private reset(): void {
    const own = this.scenes.state.header.shading?.functions.groups[this.group];
    if (own) this.edit(own);
  }

  private build(): void {
    const { header } = this.scenes.state;
    const { transfer } = this.store.state;
    const possible = header.shading !== null && transfer !== null;
    this.refusal.hidden = possible;
    this.body.hidden = !possible;
    if (!possible) return;
    const groups = grouped(header.organs).filter(({ index }) => transfer.groups[index]);
    this.groups.replaceChildren(...groups.map(({ index, title }) => element("option", { value: index }, title)));
    this.show((groups.find(({ index }) => index === this.group) ?? groups[0])?.index ?? 0);
  }

  private whole(): Domain {
    const { low, high } = this.scenes.state.histograms;
    return { low, high };
  }

  private fit(): void {
    const { points, editor } = this;
    const domain = fitted(this.scenes.state.histograms, this.labels, points);
    const isInside = ([value]: readonly number[]) => value > domain.low && value < domain.high;
    if (!isInside(points[editor.selected] ?? [])) editor.selected = Math.max(points.findIndex(isInside), 0);
    this.look(domain);
  }

  private look(domain: Domain): void {
    const { histograms, volume } = this.scenes.state;
    this.domain = domain;
    this.editor.plot.drawHistogram(histograms, histograms.sum(this.labels), domain);
    this.counted.textContent = volume ? "Histogram: voxels" : "Histogram: Gaussians";
    this.draw();
  }

  private draw(): void {
    const { points, domain, scale } = this;
    if (points.length === 0) return;
    this.showScale(scale);
    this.presets.show();
    this.editor.show({ points, domain, scale });
    this.fields.show(points, this.editor.selected);
  }
}
