import type { ClipPlane, Clipping, Store } from "../../state";
import { scale, type Vec3 } from "../../vectors";
import { section, textButton, toggle } from "../controls";
import { element } from "../dom";
import { facingPlane } from "../orbiting";
import type { SceneStore } from "../scenes";
import { boxSliders } from "./boxsliders";
import { PlaneCard } from "./planecard";
import { standardPlane } from "./planes";

/** As many planes as the renderer cuts by at once. */
export const MAX_PLANES = 6;

/** The panel of clip planes and the clip box. */
export function mountCutting(parent: HTMLElement, store: Store, scenes: SceneStore): void {
  const set = (patch: Partial<Clipping>) => store.set({ clipping: { ...store.state.clipping, ...patch } });
  const planes = () => store.state.clipping.planes;
  const extent = () => scenes.state.header.extent_mm;
  const middle = (): Vec3 => scale([0, 1, 2].map((i) => extent()[0][i] + extent()[1][i]) as unknown as Vec3, 0.5);

  const cards: PlaneCard[] = [];
  const list = element("div", { class: "planes" });
  const add = (plane: ClipPlane) => set({ planes: [...planes(), plane] });
  const adders = [
    textButton("Axial", () => add(standardPlane("axial", middle())), "add"),
    textButton("Coronal", () => add(standardPlane("coronal", middle())), "add"),
    textButton("Sagittal", () => add(standardPlane("sagittal", middle())), "add"),
    textButton("Facing view", () => add(facingPlane({ ...store.state.orbit, target: middle() })), "facing"),
  ];
  const [faceRow, faceSwitch] = toggle("Show the scan on cut faces", (face) => set({ face }));
  const faceHint = element(
    "p",
    { class: "hint" },
    "Cut faces show the scan’s grey values, which this scene does not carry.",
  );
  const [boxRow, boxSwitch] = toggle("Clip box", (on) => set({ box: on ? extent() : null }));
  const box = boxSliders(extent, (next) => set({ box: next }));
  const clear = textButton("Remove all cuts", () => set({ planes: [], box: null }), "undo");

  const card = (index: number) =>
    new PlaneCard(`Plane ${index + 1}`, extent, {
      change: (plane) => set({ planes: planes().map((other, at) => (at === index ? plane : other)) }),
      remove: () => set({ planes: planes().filter((_, at) => at !== index) }),
      pivot: middle,
    });
  const draw = () => {
    const { clipping } = store.state;
    while (cards.length < planes().length) {
      cards.push(card(cards.length));
      list.append(cards.at(-1)!.root);
    }
    while (cards.length > planes().length) cards.pop()!.root.remove();
    for (const [index, plane] of planes().entries()) cards[index].show(plane);
    for (const button of adders) button.disabled = planes().length >= MAX_PLANES;
    faceSwitch.checked = clipping.face;
    faceSwitch.disabled = scenes.state.volume === null;
    faceHint.hidden = scenes.state.volume !== null;
    boxSwitch.checked = clipping.box !== null;
    box.root.hidden = clipping.box === null;
    if (clipping.box) box.show(clipping.box);
    clear.disabled = planes().length === 0 && clipping.box === null;
  };
  parent.append(
    section("Clip planes", element("div", { class: "buttons pairs" }, ...adders), list),
    section("Cut faces", faceRow, faceHint),
    section("Box", boxRow, box.root),
    element("div", { class: "section" }, element("div", { class: "buttons" }, clear)),
  );
  store.on(["clipping"], draw);
  scenes.on(["header", "volume"], draw);
  draw();
}
