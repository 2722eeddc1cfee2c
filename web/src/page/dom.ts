type Value = string | number | boolean | undefined | EventListener;
type Attributes = Record<string, Value>;
export type Child = Node | string | null | undefined;

function decorate(node: Element, attributes: Attributes, children: Child[]): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== undefined && value !== false) node.setAttribute(name, String(value));
  }
  for (const child of children) if (child !== null && child !== undefined) node.append(child);
}

/** Make an element; attributes named `on…` are listeners, true stands for an empty attribute, false for none. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  decorate(node, attributes, children);
  return node;
}

/** The same for a part of a drawing. */
export function drawing<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  decorate(node, attributes, children);
  return node;
}

/** Change attributes of an element that is there. */
export function assign(node: Element, attributes: Record<string, string | number>): void {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
}

/** Give text as a file to the person. */
export const download = (name: string, text: string, type: string): void => offer(name, new Blob([text], { type }));

/** Give a file to the person. */
export function offer(name: string, file: Blob): void {
  const url = URL.createObjectURL(file);
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
