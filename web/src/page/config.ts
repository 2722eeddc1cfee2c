/** Where the page's data come from. */
export type Config = { mode: "embedded" } | { mode: "served"; scene: string; token: string };

/** What whoever wrote the page put into it; null where nobody did. */
export function readConfig(): Config | null {
  const text = document.getElementById("tomosplat-config")?.textContent;
  return text ? (JSON.parse(text) as Config) : null;
}

/** The base64 of a blob in a shared file; null where it has none. */
export const embeddedText = (id: "tomosplat-scene" | "tomosplat-volume"): string | null =>
  document.getElementById(id)?.textContent ?? null;
