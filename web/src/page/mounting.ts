import { mountAbout } from "./about";
import { mountAnnotating } from "./annotating";
import { mountCorner, mountSlicesButton } from "./bars";
import { mountBookmarks } from "./bookmarks";
import { mountCapturing } from "./capturing";
import { bindKeys, type Commands, commandsOf } from "./commands";
import { iconButton } from "./controls";
import { mountCutting } from "./cutting/panel";
import { mountFidelity } from "./fidelity/control";
import { helpSheet } from "./help";
import { mountIdentifying } from "./identifying";
import { mountMeasuring } from "./measuring";
import { navigate } from "./navigation";
import { mountOrgans } from "./organs/panel";
import { mountSessions } from "./sessions";
import { followTheme } from "./theme";
import { mountTools } from "./toolbar";
import { TransferPanel } from "./transfer/panel";
import type { Frame, Viewer } from "./viewer";
import { mountView } from "./viewpanel";

/** Put the controls into the page, once there is a scene to control. */
export function mountPage(frame: Frame, viewer: Viewer): void {
  const { layout, shortcuts } = frame;
  const { store } = viewer;
  const commands = commandsOf(viewer, layout.canvas);
  followTheme(store);
  navigate(layout.canvas, store);
  layout.canvas.addEventListener("dblclick", async ({ offsetX, offsetY }) => {
    const pick = await viewer.renderer.pick(offsetX, offsetY);
    if (pick) store.set({ orbit: { ...store.state.orbit, target: pick.point } });
  });
  bindKeys(shortcuts, commands);
  mountCorner(layout, store, commands);
  mountSlicesButton(layout, store, commands);
  mountFidelity(layout, store, viewer.scenes, commands);
  const search = mountPanels(frame, viewer, commands);
  const help = helpSheet(document.body, shortcuts);
  layout.foot.append(
    iconButton("dark", "Dark or light", commands.switchTheme, "T"),
    iconButton("help", "Help", help, "?"),
  );
  shortcuts.add("Page", "p", "Fold or open the side panel", () => {
    const { panel, folded } = layout.opened();
    layout.open(folded ? panel : null);
  });
  shortcuts.add("Page", "/", "Search organs", () => {
    layout.open("organs");
    search.focus();
  });
  shortcuts.add("Page", "?", "This sheet", help);
}

/** Fill panels and tools; returns the search field of the organs. */
function mountPanels({ layout, toasts, shortcuts }: Frame, viewer: Viewer, commands: Commands): HTMLInputElement {
  const { store, scenes, renderer } = viewer;
  const { panels, canvas, overlay } = layout;
  const view = { canvas, overlay, renderer };
  const transfer = new TransferPanel(panels.transfer, store, scenes, toasts);
  mountCutting(panels.cut, store, scenes);
  mountView(panels.view, store, scenes, commands);
  mountMeasuring(panels.notes, view, store);
  mountAnnotating(panels.notes, view, store, () => layout.open("notes"));
  mountBookmarks(panels.notes, store);
  mountSessions(panels.notes, store, () => scenes.state.header.organs, toasts);
  mountAbout(panels.about, scenes);
  mountIdentifying(layout.readout, view, store, scenes);
  mountTools(layout.tools, layout.root, store, shortcuts);
  mountCapturing(layout.actions, view, store);
  return mountOrgans(panels.organs, store, scenes, (group) => {
    layout.open("transfer");
    transfer.show(group);
  });
}
