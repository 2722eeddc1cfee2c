import type { TransferFunctions } from "../../scene/types";
import type { Store } from "../../state";
import { choice, textButton } from "../controls";
import { download, element } from "../dom";
import type { SceneStore } from "../scenes";
import type { Toasts } from "../toast";
import { parseTransfer, transferText } from "./file";

/** Value of the choice that stands for functions of the person's own. */
const EDITED = "";

/** The scene's own functions and the presets in its unit, to choose from. */
export function presetChoice(store: Store, scenes: SceneStore): { root: HTMLElement; show(): void } {
  const offered = (): TransferFunctions[] => {
    const { shading, presets, unit } = scenes.state.header;
    const own = shading?.functions;
    return own ? [own, ...presets.filter((one) => one.name !== own.name && one.unit === unit)] : [];
  };
  const [root, select] = choice("Preset", [], (name) => {
    const chosen = offered().find((one) => one.name === name);
    if (chosen) store.set({ transfer: chosen });
  });
  const option = (one: TransferFunctions, index: number) => {
    const title = one.name.charAt(0).toUpperCase() + one.name.slice(1);
    return element("option", { value: one.name }, index === 0 ? `${title} (scene’s own)` : title);
  };
  const show = () => {
    const known = offered().find((one) => one === store.state.transfer);
    const edited = element("option", { value: EDITED }, "Edited");
    select.replaceChildren(...(known ? [] : [edited]), ...offered().map(option));
    select.value = known?.name ?? EDITED;
  };
  return { root, show };
}

/** Buttons that write the functions to a file and read them from one. */
export function fileButtons(store: Store, scenes: SceneStore, toasts: Toasts): HTMLElement {
  const file = element("input", { type: "file", accept: ".json,application/json", hidden: true });
  file.addEventListener("change", async () => {
    const chosen = file.files?.[0];
    file.value = ""; // so that the same file can be chosen again
    if (!chosen) return;
    try {
      const transfer = parseTransfer(await chosen.text(), scenes.state.header.unit);
      store.set({ transfer });
      toasts.tell(`Transfer functions “${transfer.name}” loaded.`);
    } catch (error) {
      toasts.warn((error as Error).message);
    }
  });
  const save = () => {
    const { transfer } = store.state;
    if (transfer) download("transfer.json", transferText(transfer), "application/json");
  };
  return element(
    "div",
    { class: "buttons" },
    textButton("Save", save, "save"),
    textButton("Load", () => file.click(), "load"),
    file,
  );
}
