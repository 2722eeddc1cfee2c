import "./page/style.css";
import "./page/controls.css";
import "./page/bars.css";
import "./page/panels.css";
import "./page/messages.css";
import "./page/organs/organs.css";
import "./page/transfer/transfer.css";
import "./page/cutting/cutting.css";
import { embeddedText, readConfig } from "./page/config";
import { layOut } from "./page/layout";
import { Progress } from "./page/progress";
import { ServedScene } from "./page/served";
import { Shortcuts } from "./page/shortcuts";
import { preferredTheme } from "./page/theme";
import { Toasts } from "./page/toast";
import { Viewer } from "./page/viewer";
import { embeddedStream } from "./scene/blob";

declare global {
  interface Window {
    /** The handle for tests and notebooks. */
    tomosplat: Viewer;
  }
}

async function boot(viewer: Viewer, progress: Progress, toasts: Toasts): Promise<void> {
  const config = readConfig();
  if (config?.mode === "served") return new ServedScene(config, viewer, progress, toasts, layout.actions).follow();
  const scene = embeddedText("tomosplat-scene");
  if (!config || !scene) throw new Error("This page was saved without its scene. Export the scene again.");
  await viewer.showScene(embeddedStream(scene));
  const volume = embeddedText("tomosplat-volume");
  if (volume) await viewer.showVolume(embeddedStream(volume));
}

document.documentElement.dataset.theme = preferredTheme();
const layout = layOut(document.body);
const toasts = new Toasts(document.body);
const progress = new Progress(layout.stage);
const viewer = new Viewer({ layout, toasts, shortcuts: new Shortcuts(), progress });
window.tomosplat = viewer;
boot(viewer, progress, toasts).catch((error: Error) => {
  if (viewer.hasPicture) toasts.warn(error.message);
  else viewer.fail("This scene cannot be shown", error.message);
});
