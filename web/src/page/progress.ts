import { element } from "./dom";
import { icon } from "./icons";

/** A stage of the work as the server tells it. */
export interface Stage {
  name: string;
  state: "running" | "done";
  seconds: number;
  done: number | null;
  total: number | null;
}

/** What the server's stages are to people; others are told by their own names. */
const TITLES: Record<string, string> = {
  "load libraries": "Starting",
  "fetch demo scan": "Fetching the demo scan",
  "read scan": "Reading the scan",
  "read scene": "Reading the scene",
  "read labels": "Reading the labels",
  labels: "Finding organs",
  segment: "Finding organs",
  resample: "Resampling",
  "apply transfer function": "Colouring",
  prime: "Placing Gaussians",
  predict: "Refining Gaussians",
  "pack scene": "Packing the scene",
  "pack slices": "Packing the scan",
};
const titleOf = (name: string): string => TITLES[name] ?? name.charAt(0).toUpperCase() + name.slice(1);

/** What is being waited for: a card while there is no picture yet, a line below it afterwards. */
export class Progress {
  private readonly title = element("h2", {});
  private readonly list = element("ol", { class: "stages" });
  private readonly root = element(
    "div",
    { class: "progress", role: "status", "aria-live": "polite", hidden: true },
    element("div", { class: "card" }, this.title, this.list),
  );
  private readonly bar = element("progress", { class: "transfer-bar", max: 1, "aria-label": "Loading", hidden: true });

  constructor(stage: HTMLElement) {
    stage.append(this.root, this.bar);
  }

  /** Tell the stages; `behind` says that a picture is there already. */
  stages(title: string, stages: readonly Stage[], behind: boolean): void {
    this.root.hidden = false;
    this.root.classList.toggle("behind", behind);
    this.title.textContent = title;
    const shown = behind ? stages.filter(({ state }) => state === "running") : stages;
    this.list.replaceChildren(...shown.map(stageLine));
  }

  /** Part of the scene's data that is here, 0..1; null when there is nothing on its way. */
  loaded(part: number | null): void {
    this.bar.hidden = part === null;
    if (part !== null) this.bar.value = part;
  }

  rest(): void {
    this.root.hidden = true;
  }
}

function stageLine({ name, state, seconds, done, total }: Stage): HTMLElement {
  const running = state === "running";
  const mark = running ? element("span", { class: "spinner" }) : icon("done");
  const amount = running && done !== null && total ? `${done} of ${total}` : running ? "" : `${seconds.toFixed(1)} s`;
  const line = element(
    "li",
    { class: state },
    mark,
    element("span", {}, titleOf(name)),
    element("span", { class: "value" }, amount),
  );
  if (running && done !== null && total)
    line.append(element("progress", { max: total, value: done, "aria-label": name }));
  return line;
}
