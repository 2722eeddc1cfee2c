import { framed, STANDARD_VIEWS, type StandardView, zoomed } from "./orbiting";
import type { Shortcuts } from "./shortcuts";
import { otherTheme } from "./theme";
import type { Viewer } from "./viewer";

const STEP = 1.15;

/** What buttons and keys alike can ask for. */
export interface Commands {
  look(view: StandardView): void;
  reset(): void;
  project(): void;
  nearer(): void;
  further(): void;
  switchTheme(): void;
  switchSlices(): void;
  switchFidelity(): void;
}

export function commandsOf({ store, scenes }: Viewer, canvas: HTMLCanvasElement): Commands {
  const orbit = () => store.state.orbit;
  return {
    look: ({ azimuth, elevation }) => store.set({ orbit: { ...orbit(), azimuth, elevation } }),
    reset: () => {
      const front = { ...orbit(), azimuth: 0, elevation: 0 };
      const aspect = canvas.clientWidth / canvas.clientHeight;
      store.set({ orbit: framed(front, scenes.state.header.extent_mm, aspect) });
    },
    project: () => {
      const projection = orbit().projection === "perspective" ? "orthographic" : "perspective";
      store.set({ orbit: { ...orbit(), projection } });
    },
    nearer: () => store.set({ orbit: zoomed(orbit(), 1 / STEP) }),
    further: () => store.set({ orbit: zoomed(orbit(), STEP) }),
    switchTheme: () => store.set({ theme: otherTheme(store.state.theme) }),
    switchSlices: () => store.set({ slices: !store.state.slices }),
    switchFidelity: () => {
      if (scenes.state.header.fidelity) store.set({ fidelity: !store.state.fidelity });
    },
  };
}

/** Give the commands their keys. */
export function bindKeys(shortcuts: Shortcuts, commands: Commands): void {
  for (const [index, view] of STANDARD_VIEWS.entries()) {
    shortcuts.add("View", String(index + 1), view.name, () => commands.look(view));
  }
  shortcuts.add("View", "r", "Reset the view", commands.reset);
  shortcuts.add("View", "o", "Perspective or orthographic", commands.project);
  shortcuts.add("View", "+", "Nearer", commands.nearer);
  shortcuts.add("View", "-", "Further", commands.further);
  shortcuts.add("Page", "s", "Slices", commands.switchSlices);
  shortcuts.add("Page", "f", "Fidelity, where it was measured", commands.switchFidelity);
  shortcuts.add("Page", "t", "Dark or light", commands.switchTheme);
}
