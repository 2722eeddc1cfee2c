import type { Store } from "../state";
import type { Vec3 } from "../vectors";

export type Theme = "dark" | "light";

/** The view's background in each theme: what colour the theme's own surfaces have. */
export const BACKGROUNDS: Record<Theme, Vec3> = {
  dark: [0.031, 0.039, 0.047],
  light: [0.945, 0.953, 0.957],
};

const preference = matchMedia("(prefers-color-scheme: light)");

export const preferredTheme = (): Theme => (preference.matches ? "light" : "dark");

/** Show the theme in the whole page; the view's background goes with it until the person chooses one. */
export function followTheme(store: Store): void {
  const show = () => {
    document.documentElement.dataset.theme = store.state.theme;
  };
  store.on(["theme"], (state, before) => {
    show();
    if (state.background === BACKGROUNDS[before.theme]) store.set({ background: BACKGROUNDS[state.theme] });
  });
  preference.addEventListener("change", () => store.set({ theme: preferredTheme() }));
  show();
}

export const otherTheme = (theme: Theme): Theme => (theme === "dark" ? "light" : "dark");
