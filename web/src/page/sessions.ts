import "./tools.css";
import type { Organ } from "../scene/types";
import type { Store } from "../state";
import { applySession, readSession, sessionOf } from "../tools/session";
import { section, textButton } from "./controls";
import { download, element } from "./dom";
import type { Toasts } from "./toast";

/** Save everything a person made of the scene as a file, and load it again. */
export function mountSessions(panel: HTMLElement, store: Store, organs: () => readonly Organ[], toasts: Toasts): void {
  const file = element("input", { type: "file", accept: ".json,application/json", hidden: true });
  file.addEventListener("change", async () => {
    const chosen = file.files?.[0];
    file.value = ""; // so that the same file can be chosen again
    if (!chosen) return;
    try {
      const fits = applySession(store, readSession(await chosen.text()), organs());
      if (fits) toasts.tell("Session loaded.");
      else
        toasts.warn(
          "The session was made of a scene with other organs. Its views, measurements and notes were loaded; organs, colours and cuts stay as they are.",
        );
    } catch (error) {
      toasts.warn((error as Error).message);
    }
  });
  const save = () =>
    download("session.json", JSON.stringify(sessionOf(store.state, organs()), null, 1), "application/json");
  panel.append(
    section(
      "Session",
      element("p", { class: "hint" }, "Measurements, notes, views, organs, colours and cuts in one small file."),
      element(
        "div",
        { class: "buttons" },
        textButton("Save", save, "save"),
        textButton("Load", () => file.click(), "load"),
        file,
      ),
    ),
  );
}
