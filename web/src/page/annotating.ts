import "./tools.css";
import type { Annotation, Store } from "../state";
import { label, type Projection } from "../tools/marks";
import { removeAt } from "../tools/measurements";
import { cssCamera, fromCamera, Layer, projectionOf, type View3D } from "../tools/view3d";
import { iconButton, section } from "./controls";
import { drawing } from "./dom";
import { List, type Row, row, textField } from "./lists";

/** A note is behind the body where the body is this much nearer: less is the blur of what is seen. */
const BEHIND_MM = 10;
const REST_MS = 200;

/** Notes at points of the body: drawn over the 3D view, paler behind the body, edited in a panel that `reveal` opens. */
export function mountAnnotating(panel: HTMLElement, view: View3D, store: Store, reveal: () => void): void {
  const list = new List("Notes", "Choose Note above the picture, then click on the body or on a slice.", (index) =>
    noteRow(store, index),
  );
  panel.append(section("Notes", list.root));
  store.on(["annotations"], ({ annotations, tool }, before) => {
    list.show(annotations.length);
    if (tool !== "annotate" || annotations.length <= before.annotations.length) return;
    reveal();
    list.editLast();
  });
  list.show(store.state.annotations.length);

  let behind: ReadonlySet<Annotation> = new Set();
  const layer = new Layer(view, store, ["annotations"], (project) =>
    store.state.annotations.map((note) => mark(note, project, behind.has(note))),
  );
  layer.redraw();
  const look = async () => {
    behind = await hidden(view, store);
    layer.redraw();
  };
  let timer = 0;
  // What hides a note is asked only once the picture is at rest.
  store.on(["annotations", "orbit", "visible", "opacity", "clipping", "transfer"], () => {
    clearTimeout(timer);
    timer = window.setTimeout(look, REST_MS);
  });
}

function noteRow(store: Store, index: number): Row {
  const own = () => store.state.annotations[index];
  const field = textField(
    `Note ${index + 1}`,
    () => own().text,
    (text) => {
      const annotations = store.state.annotations.map((note, i) => (i === index ? { ...note, text } : note));
      store.set({ annotations });
    },
  );
  const look = iconButton("centre", "Show in the slices", () => store.set({ crosshair: own().point }));
  const remove = () => store.set({ annotations: removeAt(store.state.annotations, index) });
  return row(() => own().text || `note ${index + 1}`, remove, field.show, field.root, look);
}

function mark({ point, text }: Annotation, project: Projection, behind: boolean): SVGElement | null {
  const at = project(point);
  if (!at) return null;
  const dot = drawing("circle", { cx: at[0], cy: at[1], r: 4, class: "mark-point" });
  const words = label([at[0] + 10, at[1] - 8], text, "mark-value");
  return drawing("g", { class: behind ? "mark mark-note mark-behind" : "mark mark-note" }, dot, words);
}

/** Notes before which the body lies in the present view. */
async function hidden(view: View3D, store: Store): Promise<ReadonlySet<Annotation>> {
  const camera = cssCamera(store.state.orbit, view.canvas);
  const project = projectionOf(camera);
  const found = new Set<Annotation>();
  for (const note of store.state.annotations) {
    const at = project(note.point);
    const seen = at && (await view.renderer.pick(at[0], at[1]));
    if (seen && fromCamera(camera, seen.point)[2] < fromCamera(camera, note.point)[2] - BEHIND_MM) found.add(note);
  }
  return found;
}
