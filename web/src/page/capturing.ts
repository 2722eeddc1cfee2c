import "./tools.css";
import { orbitCamera } from "../render/camera";
import type { Store, ViewState } from "../state";
import type { Decorations } from "../tools/decorations";
import { isComplete } from "../tools/measurements";
import { LONGEST_SIDE, MOST_PIXELS, photograph } from "../tools/picture";
import { encodeVideo, turnCameras } from "../tools/turntable";
import type { View3D } from "../tools/view3d";
import { choice, iconButton, toggle } from "./controls";
import { element } from "./dom";
import { jobDialog } from "./job";

/** Buttons for a picture of any size and for a video of a full turn. */
export function mountCapturing(bar: HTMLElement, view: View3D, store: Store): void {
  const picture = pictureDialog(view, store);
  const video = videoDialog(view, store);
  bar.append(
    iconButton("camera", "Save a picture", () => picture.showModal()),
    iconButton("video", "Save a video of a turn", () => video.showModal()),
  );
  bar.parentElement!.append(picture, video);
}

function pictureDialog(view: View3D, store: Store): HTMLDialogElement {
  const width = count("Width", "px", 16, LONGEST_SIDE, 1920);
  const height = count("Height", "px", 16, LONGEST_SIDE, 1080);
  const [background, backgroundSelect] = choice("Background", BACKGROUNDS, () => undefined);
  const [written, decorations] = decorationSwitches(store);
  const fields = [element("div", { class: "size-fields" }, width.root, height.root), background, ...written];
  const dialog = jobDialog("Save a picture", "Save PNG", fields, () => {
    const size = [width.input.valueAsNumber, height.input.valueAsNumber] as const;
    checkSize(...size);
    const { orbit, background: shown } = store.state;
    const behind = backgroundSelect.value === "transparent" ? null : shown;
    return {
      file: "tomosplat.png",
      make: async (_progress, signal) => {
        const canvas = await photograph(view.renderer, orbitCamera(orbit, ...size), behind, decorations());
        signal.throwIfAborted();
        return canvas.convertToBlob({ type: "image/png" });
      },
    };
  });
  // Offered anew each time: what is on the screen, in its own pixels.
  dialog.addEventListener("beforetoggle", () => {
    width.input.valueAsNumber = Math.round(view.canvas.clientWidth * devicePixelRatio);
    height.input.valueAsNumber = Math.round(view.canvas.clientHeight * devicePixelRatio);
  });
  return dialog;
}

const BACKGROUNDS = [
  ["shown", "As shown"],
  ["transparent", "Transparent"],
] as const;

const VIDEO_SIZES = [
  ["1280x720", "1280 × 720"],
  ["1920x1080", "1920 × 1080"],
  ["1080x1080", "1080 × 1080"],
  ["640x360", "640 × 360"],
] as const;

const RATE = 30;

function videoDialog(view: View3D, store: Store): HTMLDialogElement {
  const [size, sizeSelect] = choice("Size", VIDEO_SIZES, () => undefined);
  const seconds = count("One turn takes", "s", 1, 60, 8);
  const [written, decorations] = decorationSwitches(store);
  return jobDialog("Save a video of a turn", "Save WebM", [size, seconds.root, ...written], () => {
    const [width, height] = sizeSelect.value.split("x").map(Number);
    const turn = { width, height, seconds: seconds.input.valueAsNumber, rate: RATE };
    const { orbit, background } = store.state;
    const cameras = turnCameras(orbit, turn);
    const canvas = new OffscreenCanvas(width, height);
    const over = decorations();
    const frame = (i: number) => photograph(view.renderer, cameras[i], background, over, canvas);
    return {
      file: "tomosplat.webm",
      make: (progress, signal) =>
        encodeVideo(turn, cameras.length, frame, (done) => progress(done / cameras.length), signal),
    };
  });
}

/** Switches of what is written over a picture, and what they say. */
function decorationSwitches(store: Store): [HTMLElement[], () => Decorations] {
  const [scale, scaleSwitch] = toggle("Scale bar", () => undefined);
  const [letters, lettersSwitch] = toggle("Letters of the patient’s sides", () => undefined);
  const [marks, marksSwitch] = toggle("Measurements and notes", () => undefined);
  marksSwitch.checked = true;
  return [
    [scale, letters, marks],
    () => decorationsOf(store.state, scaleSwitch.checked, lettersSwitch.checked, marksSwitch.checked),
  ];
}

const decorationsOf = (state: ViewState, scale: boolean, letters: boolean, marks: boolean): Decorations => ({
  scaleAt: scale ? state.orbit.distance : null,
  letters,
  measurements: marks ? state.measurements.filter(isComplete) : [],
  annotations: marks ? state.annotations : [],
});

function checkSize(width: number, height: number): void {
  if (width * height > MOST_PIXELS) {
    const most = Math.floor(MOST_PIXELS / 1e6);
    throw new Error(
      `A picture may have ${most} million pixels; ${width} × ${height} are ${Math.ceil((width * height) / 1e6)} million.`,
    );
  }
}

/** A labelled whole number in a range, which the form checks. */
function count(label: string, unit: string, low: number, high: number, value: number) {
  const input = element("input", {
    type: "number",
    class: "field",
    min: low,
    max: high,
    step: 1,
    value,
    required: true,
  });
  const root = element("label", { class: "row" }, element("span", {}, label), element("span", {}, input, ` ${unit}`));
  return { root, input };
}
