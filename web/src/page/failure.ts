import { textButton } from "./controls";
import { element } from "./dom";
import { icon } from "./icons";

/** Say in the middle of the view why there is no picture, and what to do. Returns what takes the message away. */
export function showFailure(stage: HTMLElement, title: string, text: string, retry?: () => void): () => void {
  stage.querySelector(".failure")?.remove();
  const message = element(
    "div",
    { class: "failure", role: "alert" },
    element("div", { class: "card" }, icon("warning"), element("h2", {}, title), element("p", {}, text)),
  );
  if (retry) message.firstElementChild!.append(textButton("Load again", retry, "reset"));
  stage.append(message);
  return () => message.remove();
}
