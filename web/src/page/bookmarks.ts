import "./tools.css";
import type { Bookmark, Store } from "../state";
import { flyTo } from "../tools/flight";
import { removeAt } from "../tools/measurements";
import { fitting, lookOf } from "../tools/session";
import { iconButton, section, textButton, toggle } from "./controls";
import { element } from "./dom";
import { List, type Row, row, textField } from "./lists";

/** Views to come back to, by name; with organs, colours and cuts if wanted. */
export function mountBookmarks(panel: HTMLElement, store: Store): void {
  const list = new List("Views", "Keep a view to come back to it.", (index) => viewRow(store, index));
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
  store.on(["bookmarks"], ({ bookmarks }) => list.show(bookmarks.length));
  list.show(store.state.bookmarks.length);
}

function viewRow(store: Store, index: number): Row {
  const own = () => store.state.bookmarks[index];
  const field = textField(
    `Name of view ${index + 1}`,
    () => own().name,
    (name) => {
      const bookmarks = store.state.bookmarks.map((one, i) => (i === index ? { ...one, name } : one));
      store.set({ bookmarks });
    },
  );
  const restore = iconButton("view", "Go there", () => {
    const { look, orbit } = own();
    if (look) store.set(fitting(look, store.state));
    flyTo(store, orbit);
  });
  const remove = () => store.set({ bookmarks: removeAt(store.state.bookmarks, index) });
  const show = () => {
    field.show();
    restore.title = `Go to ${own().name}`;
    restore.setAttribute("aria-label", restore.title);
  };
  return row(() => own().name || `view ${index + 1}`, remove, show, field.root, restore);
}
