import { choice } from "../page/controls";
import { element } from "../page/dom";
import type { VolumeData } from "../scene/types";
import type { Store, Window } from "../state";

/** Windows that radiologists use for CT, HU. */
export const CT_WINDOWS: Record<string, Window> = {
  "Soft tissue": { level: 40, width: 400 },
  Lung: { level: -600, width: 1500 },
  Bone: { level: 500, width: 2000 },
  Mediastinum: { level: 50, width: 350 },
  Liver: { level: 60, width: 160 },
  Brain: { level: 40, width: 80 },
  Vessels: { level: 300, width: 600 },
};

const BINS = 65536;

/** The window that shows nearly all values: from the 1st to the 99th percentile of all but the lowest, the surroundings. */
export function windowOfValues({ header, values }: VolumeData): Window {
  const counts = new Uint32Array(BINS);
  for (const value of values) counts[value]++;
  const lowest = counts.findIndex((count) => count > 0);
  const above = values.length - counts[lowest];
  const percentile = (part: number) => {
    let bin = lowest;
    for (let sum = 0; sum < part * above && bin + 1 < BINS; ) sum += counts[++bin];
    return header.value_offset + header.value_scale * bin;
  };
  const [low, high] = [percentile(0.01), percentile(0.99)];
  return { level: (low + high) / 2, width: Math.max(high - low, header.value_scale) };
}

const CUSTOM = "custom";

/** A choice of windows that also tells the one set by hand. */
export class WindowChoice {
  readonly root: HTMLElement;
  private readonly select: HTMLSelectElement;
  private readonly custom = element("option", { value: CUSTOM, hidden: true });
  private windows: Record<string, Window> = {};

  constructor(private readonly store: Store) {
    [this.root, this.select] = choice("Window", [], (name) => {
      store.set({ window: this.windows[name] });
    });
    store.on(["window"], () => this.tell());
  }

  /** Offer what suits a volume; one without a physical unit is shown whole, for the page cannot know a window for it. */
  suit(volume: VolumeData | null): void {
    const whole = volume && windowOfValues(volume);
    this.windows = { ...(volume?.header.unit === "HU" ? CT_WINDOWS : {}), ...(whole ? { "All values": whole } : {}) };
    const options = Object.keys(this.windows).map((name) => element("option", { value: name }, name));
    this.select.replaceChildren(...options, this.custom);
    if (whole && volume.header.unit !== "HU") this.store.set({ window: whole });
    this.tell();
  }

  private tell(): void {
    const { level, width } = this.store.state.window;
    const known = Object.entries(this.windows).find(([, window]) => window.level === level && window.width === width);
    this.custom.textContent = `W ${shown(width)} L ${shown(level)}`;
    this.custom.hidden = known !== undefined;
    this.select.value = known?.[0] ?? CUSTOM;
    this.select.title = `Window: ${this.custom.textContent}`;
  }
}

const shown = (value: number): string =>
  (Math.abs(value) >= 10 ? value.toFixed(0) : value.toPrecision(3)).replace("-", "−");
