import "./fidelity.css";
import type { Store } from "../../state";
import type { Commands } from "../commands";
import { iconButton } from "../controls";
import type { Layout } from "../layout";
import type { SceneStore } from "../scenes";
import { errorLegend } from "./legend";

/** The button that colours the scene by its errors, and their legend; hidden where nothing was measured. */
export function mountFidelity(
  { actions, stage }: Layout,
  store: Store,
  scenes: SceneStore,
  { switchFidelity }: Commands,
): void {
  const button = iconButton("fidelity", "Fidelity", switchFidelity, "F");
  const legend = errorLegend();
  actions.append(button);
  stage.append(legend);
  const show = () => {
    const measured = scenes.state.header.fidelity !== null;
    button.hidden = !measured;
    button.setAttribute("aria-pressed", String(store.state.fidelity));
    legend.hidden = !(measured && store.state.fidelity);
  };
  store.on(["fidelity"], show);
  scenes.on(["header"], show);
  show();
}
