import { iconButton, textButton } from "./controls";
import { element, offer } from "./dom";

/** What a dialog makes: its name and how; `progress` takes the part that is done. */
interface Job {
  file: string;
  make(progress: (part: number) => void, signal: AbortSignal): Promise<Blob>;
}

/** A dialog whose fields describe a file to be made; shows how far it is, can be cancelled, and says what went wrong. */
export function jobDialog(title: string, start: string, fields: HTMLElement[], job: () => Job): HTMLDialogElement {
  const bar = element("progress", { max: 1, "aria-label": "Progress", hidden: true });
  const problem = element("p", { class: "problem", role: "alert" });
  const submit = element("button", { type: "submit", class: "button" }, start);
  let running: AbortController | null = null;
  const close = () => {
    running?.abort();
    dialog.close();
  };
  const form = element(
    "form",
    { method: "dialog" },
    element("header", {}, element("h2", {}, title), iconButton("close", "Close", close, "Esc")),
    ...fields,
    bar,
    problem,
    element("div", { class: "buttons" }, textButton("Cancel", close), submit),
  );
  const dialog = element("dialog", { class: "capture", "aria-label": title }, form);
  dialog.addEventListener("cancel", () => running?.abort());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (running) return;
    running = new AbortController();
    const { signal } = running;
    submit.disabled = true;
    bar.hidden = false;
    bar.value = 0;
    problem.textContent = "";
    try {
      const { file, make } = job();
      offer(file, await make((part) => {
        bar.value = part;
      }, signal)); // biome-ignore format: one thought
      dialog.close();
    } catch (error) {
      if (!signal.aborted) problem.textContent = (error as Error).message;
    } finally {
      running = null;
      submit.disabled = false;
      bar.hidden = true;
    }
  });
  return dialog;
}
