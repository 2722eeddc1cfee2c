import { type Child, element } from "./dom";
import { type IconName, icon } from "./icons";

let serial = 0;
const newId = (): string => `control-${++serial}`;

/** A button that shows an icon and tells its name and key when asked. */
export function iconButton(name: IconName, label: string, press: () => void, key?: string): HTMLButtonElement {
  return element(
    "button",
    {
      type: "button",
      class: "icon-button",
      "aria-label": label,
      title: key ? `${label} (${key})` : label,
      "aria-keyshortcuts": key,
      onclick: press,
    },
    icon(name),
  );
}

/** A button with words, and an icon before them if one is named. */
export function textButton(label: string, press: () => void, name?: IconName): HTMLButtonElement {
  return element("button", { type: "button", class: "button", onclick: press }, name ? icon(name) : null, label);
}

export interface Slider {
  root: HTMLElement;
  input: HTMLInputElement;
  /** Show a value without reporting it. */
  show(value: number): void;
  /** Change what the slider spans. */
  span(low: number, high: number, step: number): void;
}

interface SliderOptions {
  label: string;
  low: number;
  high: number;
  step: number;
  /** The value for people: "40 %", "−12.5 mm". */
  format: (value: number) => string;
  change: (value: number) => void;
}

/** A labelled slider with its value as text. */
export function slider({ label, low, high, step, format, change }: SliderOptions): Slider {
  const id = newId();
  const input = element("input", { type: "range", id, min: low, max: high, step });
  const output = element("output", { for: id, class: "value" });
  const tell = () => {
    const text = format(input.valueAsNumber);
    output.textContent = text;
    input.setAttribute("aria-valuetext", text);
    const { min, max, valueAsNumber } = input;
    input.style.setProperty("--part", String((valueAsNumber - Number(min)) / (Number(max) - Number(min)) || 0));
  };
  input.addEventListener("input", () => {
    tell();
    change(input.valueAsNumber);
  });
  const root = element("div", { class: "slider" }, element("label", { for: id }, label), output, input);
  return {
    root,
    input,
    show: (value) => {
      input.value = String(value);
      tell();
    },
    span: (least, most, by) => {
      Object.assign(input, { min: String(least), max: String(most), step: String(by) });
      tell();
    },
  };
}

/** A labelled switch. */
export function toggle(label: string, change: (on: boolean) => void, hint?: string): [HTMLElement, HTMLInputElement] {
  const input = element("input", { type: "checkbox", role: "switch", class: "switch" });
  input.addEventListener("change", () => change(input.checked));
  return [element("label", { class: "row", title: hint }, element("span", {}, label), input), input];
}

/** A labelled choice of one of a few. */
export function choice(
  label: string,
  options: readonly (readonly [value: string, text: string])[],
  change: (value: string) => void,
): [HTMLElement, HTMLSelectElement] {
  const id = newId();
  const select = element("select", { id });
  for (const [value, text] of options) select.append(element("option", { value }, text));
  select.addEventListener("change", () => change(select.value));
  return [element("div", { class: "row" }, element("label", { for: id }, label), select), select];
}

/** Buttons of which one is pressed. */
export function segments<T extends string>(
  label: string,
  options: readonly (readonly [value: T, text: string])[],
  change: (value: T) => void,
): [HTMLElement, (value: T) => void] {
  const buttons = options.map(([value, text]) =>
    element("button", { type: "button", class: "segment", "data-value": value, onclick: () => change(value) }, text),
  );
  const show = (value: T) => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.value === value));
  };
  return [element("div", { class: "segments", role: "group", "aria-label": label }, ...buttons), show];
}

/** A part of a panel under its own heading. */
export function section(title: string, ...children: Child[]): HTMLElement {
  return element("section", { class: "section" }, element("h3", {}, title), ...children);
}

/** A part of a panel that starts folded. */
export function folded(title: string, ...children: Child[]): HTMLDetailsElement {
  return element("details", { class: "section" }, element("summary", {}, icon("chevron"), title), ...children);
}

/** Millimetres for people, with a true minus sign. */
export const millimetres = (value: number): string => `${value.toFixed(1).replace("-", "−")} mm`;

/** Part of one as percent; small parts keep two digits that count. */
export const percent = (part: number): string =>
  `${part === 0 || part >= 0.1 ? Math.round(part * 100) : Number((part * 100).toPrecision(2))} %`;

const grouping = new Intl.NumberFormat("en");
/** A whole number with its thousands apart. */
export const counted = (value: number): string => grouping.format(value);
