import type { SceneHeader, VolumeData } from "../scene/types";
import type { Store } from "../state";
import type { Histograms } from "./transfer/histograms";

/** What the page shows: replaced part by part as it arrives, and anew when the server has made a better scene. */
export interface SceneState {
  header: SceneHeader;
  /** Of the Gaussians so far, or of the scan where it is there. */
  histograms: Histograms;
  volume: VolumeData | null;
}

export type SceneStore = Store<SceneState>;
