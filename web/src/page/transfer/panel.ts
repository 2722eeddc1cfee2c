import type { TransferFunctions, TransferPoints } from "../../scene/types";
import type { Store } from "../../state";
import { choice, segments, textButton } from "../controls";
import { download, element } from "../dom";
import { grouped } from "../organs/model";
import type { SceneStore } from "../scenes";
import type { Toasts } from "../toast";
import type { Domain, OpacityScale } from "./axes";
import { TransferEditor } from "./editor";
import { parseTransfer, transferText } from "./file";
import { fitted } from "./fit";
import { pointFields } from "./pointfields";
import { withGroup } from "./points";

/** Below this most, a group's opacities are told apart only on a logarithmic scale. */
const FAINT = 0.05;
/** Value of the choice that stands for functions of the person's own. */
const EDITED = "";

/** The panel of transfer functions; returns what shows a group of organs in it. */
export function mountTransfer(
  parent: HTMLElement,
  store: Store,
  scenes: SceneStore,
  toasts: Toasts,
): (group: number) => void {
  const refusal = element(
    "p",
    { class: "hint section" },
    "This scene does not keep the values and the light that its colours were made of, so it cannot be recoloured.",
  );
  const body = element("div", {});
  parent.append(refusal, body);

  let group = 0;
  let domain: Domain = { low: 0, high: 1 };
  let scale: OpacityScale = "linear";
  const shading = () => scenes.state.header.shading;
  const points = (): TransferPoints => store.state.transfer?.groups[group] ?? [];
  const unit = () => (scenes.state.header.unit === "HU" ? "HU" : "");
  const edit = (next: TransferPoints) =>
    store.state.transfer && store.set({ transfer: withGroup(store.state.transfer, group, next) });

  const editor = new TransferEditor(
    { edit, select: () => fields.show(points(), editor.selected), zoom: (next) => look(next) },
    () => ({ low: scenes.state.histograms.low, high: scenes.state.histograms.high }),
    unit,
  );
  const fields = pointFields(edit, () => [points(), editor.selected], unit);
  const [groupRow, groupSelect] = choice("Organs", [], (value) => show(Number(value)));
  const [presetRow, presetSelect] = choice("Preset", [], (name) => {
    const chosen = choices().find((one) => one.name === name);
    if (chosen) store.set({ transfer: chosen });
  });
  const [scaleRow, showScale] = segments<OpacityScale>(
    "Scale of opacity",
    [
      ["linear", "Linear"],
      ["log", "Logarithmic"],
    ],
    (next) => {
      scale = next;
      draw();
    },
  );
  const counted = element("span", { class: "hint" });
  const labels = () => scenes.state.header.organs.filter((o) => o.group_index === group).map(({ id }) => id);

  const titleOf = (one: TransferFunctions) =>
    one.name.charAt(0).toUpperCase() + one.name.slice(1) + (one === shading()?.functions ? " (this scene’s own)" : "");
  const choices = (): TransferFunctions[] => {
    const own = shading()?.functions;
    const { presets, unit } = scenes.state.header;
    const others = presets.filter((one) => one.name !== own?.name && one.unit === unit);
    return own ? [own, ...others] : [];
  };
  const draw = () => {
    if (points().length === 0) return;
    showScale(scale);
    editor.show({ points: points(), domain, scale });
    fields.show(points(), editor.selected);
    const known = choices().find((one) => one === store.state.transfer);
    presetSelect.replaceChildren(
      ...(known ? [] : [element("option", { value: EDITED }, "Edited")]),
      ...choices().map((one) => element("option", { value: one.name }, titleOf(one))),
    );
    presetSelect.value = known?.name ?? EDITED;
  };
  const look = (next: Domain) => {
    domain = next;
    const total = scenes.state.histograms.sum(labels());
    editor.plot.drawHistogram(scenes.state.histograms, total, domain);
    counted.textContent = scenes.state.volume ? "Histogram: voxels" : "Histogram: Gaussians";
    draw();
  };
  const fit = () => look(fitted(scenes.state.histograms, labels(), points()));
  const show = (next: number) => {
    group = next;
    groupSelect.value = String(group);
    scale = Math.max(...points().map((point) => point[4]), 0) < FAINT ? "log" : "linear";
    fit();
    const inside = points().findIndex(([value]) => value > domain.low && value < domain.high);
    editor.selected = Math.max(inside, 0);
    draw();
  };
  const build = () => {
    const possible = shading() !== null && store.state.transfer !== null;
    refusal.hidden = possible;
    body.hidden = !possible;
    if (!possible) return;
    const groups = grouped(scenes.state.header.organs).filter(({ index }) => store.state.transfer?.groups[index]);
    groupSelect.replaceChildren(...groups.map(({ index, title }) => element("option", { value: index }, title)));
    show((groups.find(({ index }) => index === group) ?? groups[0])?.index ?? 0);
  };

  const file = element("input", { type: "file", accept: ".json,application/json", hidden: true });
  file.addEventListener("change", async () => {
    const chosen = file.files?.[0];
    file.value = "";
    if (!chosen) return;
    try {
      const loaded = parseTransfer(await chosen.text(), scenes.state.header.unit);
      store.set({ transfer: loaded });
      toasts.tell(`Transfer functions “${loaded.name}” loaded.`);
    } catch (error) {
      toasts.warn((error as Error).message);
    }
  });
  const save = textButton(
    "Save",
    () => store.state.transfer && download("transfer.json", transferText(store.state.transfer), "application/json"),
    "save",
  );
  const load = textButton("Load", () => file.click(), "load");
  const reset = textButton(
    "Reset group",
    () => {
      const own = shading()?.functions.groups[group];
      if (own) edit(own);
    },
    "undo",
  );
  const whole = textButton("All values", () =>
    look({ low: scenes.state.histograms.low, high: scenes.state.histograms.high }),
  );
  const fitButton = textButton("Fit", fit);
  body.append(
    element("div", { class: "section" }, presetRow, element("div", { class: "buttons" }, save, load, file)),
    element(
      "div",
      { class: "section" },
      groupRow,
      scaleRow,
      editor.plot.root,
      element("div", { class: "row" }, counted, element("div", { class: "buttons" }, fitButton, whole)),
      fields.root,
      element(
        "p",
        { class: "hint" },
        "Drag points; double-click adds one, Delete removes it. The wheel zooms the values.",
      ),
      element("div", { class: "buttons" }, reset),
    ),
  );
  store.on(["transfer"], (state, before) => (before.transfer && state.transfer ? draw() : build()));
  scenes.on(["header"], build);
  scenes.on(["histograms"], () => body.hidden || fit());
  build();
  return (next) => points() && show(next);
}
