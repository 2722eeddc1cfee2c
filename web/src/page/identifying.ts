import { positionText } from "../slices/planes";
import type { Store } from "../state";
import type { Projection } from "../tools/marks";
import { Layer, newest, type View3D } from "../tools/view3d";
import type { Vec3 } from "../vectors";
import { drawing, element } from "./dom";
import { organTitle } from "./organs/names";
import type { SceneStore } from "./scenes";

/** The 3D view with a renderer that tells what is at a place. */
type PickedView = Omit<View3D, "renderer"> & {
  renderer: { pick(x: number, y: number): Promise<{ point: Vec3; label: number; value: number | null } | null> };
};

/** Tell organ, value and position of what is clicked with the tool for it, and lead the slices there. */
export function mountIdentifying(readout: HTMLElement, view: PickedView, store: Store, scenes: SceneStore): void {
  const line = element("p", { class: "picked", role: "status" });
  readout.append(line);
  let found: Vec3 | null = null;
  const layer = new Layer(view, store, ["tool"], (project) => [found && ring(project, found)]);
  const identify = newest(async ([x, y]: readonly [number, number]) => {
    const pick = await view.renderer.pick(x, y);
    found = pick?.point ?? null;
    layer.redraw();
    if (!pick) {
      line.textContent = "Nothing is shown here";
      return;
    }
    const { header } = scenes.state;
    const organ = header.organs.find(({ id }) => id === pick.label);
    const unit = header.unit === "HU" ? " HU" : "";
    const value = pick.value === null ? null : `${Math.round(pick.value)}${unit}`.replace("-", "−");
    const words = [organ ? organTitle(organ.name) : null, value, `${positionText(pick.point)} mm`];
    line.textContent = words.filter(Boolean).join(" · ");
    store.set({ crosshair: pick.point });
  });
  view.canvas.addEventListener("click", ({ offsetX, offsetY }) => {
    if (store.state.tool === "pick") identify([offsetX, offsetY]);
  });
  store.on(["tool"], ({ tool }) => {
    if (tool === "pick") return;
    found = null;
    line.textContent = "";
  });
}

function ring(project: Projection, point: Vec3): SVGElement | null {
  const at = project(point);
  return at && drawing("circle", { cx: at[0], cy: at[1], r: 6, class: "picked-ring" });
}
