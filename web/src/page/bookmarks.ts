import "./tools.css";
import type { Bookmark, Store } from "../state";
import { flyTo } from "../tools/flight";
import { removeAt } from "../tools/measurements";
import { fitting, lookOf } from "../tools/session";
import { iconButton, section, textButton, toggle } from "./controls";
import { element } from "./dom";
import { List, listRow } from "./lists";

/** Views to come back to, by name; with organs, colours and cuts if wanted. */
export function mountBookmarks(panel: HTMLElement, store: Store): void {
  const list = new List("Views", "Keep a view to come back to it.");
  const [whole, wholeSwitch] = toggle("Keep organs, colours and cuts with it", () => undefined);
  const keep = () => {
    const { orbit, bookmarks } = store.state;
    const bookmark: Bookmark = { name: `View ${bookmarks.length + 1}`, orbit };
    const next = wholeSwitch.checked ? { ...bookmark, look: lookOf(store.state) } : bookmark;
    store.set({ bookmarks: [...bookmarks, next] });
    list.editLast();
  };
  panel.append(
    section(
      "Views",
      list.root,
      whole,
      element("div", { class: "buttons" }, textButton("Keep this view", keep, "bookmark")),
    ),
  );
  const tell = () => list.show(store.state.bookmarks.map((bookmark, index) => row(store, bookmark, index)));
  store.on(["bookmarks"], ({ bookmarks }, before) => {
    // While a name is typed, its field is newer than the list.
    if (bookmarks.length !== before.bookmarks.length || !list.root.contains(document.activeElement)) tell();
  });
  tell();
}

function row(store: Store, { name }: Bookmark, index: number): HTMLLIElement {
  const now = () => store.state.bookmarks[index];
  const field = element("input", {
    type: "text",
    class: "list-field",
    "aria-label": `Name of view ${index + 1}`,
    value: name,
  });
  field.addEventListener("input", () => {
    const bookmarks = store.state.bookmarks.map((one, i) => (i === index ? { ...one, name: field.value } : one));
    store.set({ bookmarks });
  });
  const restore = () => {
    const { look, orbit } = now();
    if (look) store.set(fitting(look, store.state));
    flyTo(store, orbit);
  };
  const remove = () => store.set({ bookmarks: removeAt(store.state.bookmarks, index) });
  return listRow(name, remove, field, iconButton("view", `Go to ${name}`, restore));
}
