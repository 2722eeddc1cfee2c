import type { Store } from "../state";
import type { Commands } from "./commands";
import { iconButton } from "./controls";
import { element } from "./dom";
import type { Layout } from "./layout";
import { orientationMarker } from "./marker";
import { STANDARD_VIEWS } from "./orbiting";

/** The marker of orientation, and buttons of the standard views by the letter of the side that is seen. */
export function mountCorner({ corner }: Layout, store: Store, { look, reset }: Commands): void {
  const bar = element("div", { class: "bar views", role: "toolbar", "aria-label": "Standard views" });
  for (const [index, view] of STANDARD_VIEWS.entries()) {
    const button = iconButton("view", `View from ${view.name.toLowerCase()}`, () => look(view), String(index + 1));
    button.replaceChildren(view.letter);
    bar.append(button);
  }
  bar.append(iconButton("reset", "Reset view", reset, "R"));
  corner.append(orientationMarker(store, look), bar);
}

/** The button that shows and hides the slices. */
export function mountSlicesButton({ actions, slices }: Layout, store: Store, { switchSlices }: Commands): void {
  const button = iconButton("slices", "Slices", switchSlices, "S");
  actions.append(button);
  const show = () => {
    button.setAttribute("aria-pressed", String(store.state.slices));
    slices.hidden = !store.state.slices;
  };
  store.on(["slices"], show);
  show();
}
