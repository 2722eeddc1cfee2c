import { Background } from "../background/background";
import { planesOf } from "../render/clipping";
import { organOpacities } from "../render/visibility";
import type { SceneHeader, TransferFunctions } from "../scene/types";
import type { ViewState } from "../state";
import type { Look } from "./presence";
import { LightWork } from "./work";
import LightWorker from "./worker?worker&inline";

/** The parts of the state that light depends on. */
export const LIGHT_KEYS = ["visible", "opacity", "transfer", "clipping"] as const;

type Lit = Pick<ViewState, (typeof LIGHT_KEYS)[number]>;

/** Lets the light follow what is visible: computes it beside the page, for the newest state. */
export class Relighter {
  /** What shines: J [N, 3] in the order of the chunks, or null for the scene's own. */
  light: Float32Array | null = null;
  private readonly background = new Background(
    () => new LightWorker(),
    () => new LightWork(),
  );
  private header: SceneHeader | null = null;
  private missing = 1;
  private state: Lit | null = null;
  /** What is computed now, and what shall be after it; null for the scene as it is. */
  private running: Promise<void> | null = null;
  private wanted: Look | null = null;
  /** Counts scenes and looks. */
  private turn = 0;

  /** @param shine Told `light` when it has changed. */
  constructor(private readonly shine: (light: Float32Array | null) => void) {}

  /** Whether all chunks of the scene have arrived. */
  get complete(): boolean {
    return this.missing === 0;
  }

  /** Another scene; its Gaussians come by `addChunk`. */
  setScene(header: SceneHeader): void {
    this.header = header;
    this.missing = header.chunks.length;
    this.light = null;
    this.wanted = null;
    this.turn++;
    if (header.shading?.lit) this.background.call("setScene", header);
    this.follow();
  }

  /** Take in the records of a chunk; in any order. */
  addChunk(index: number, words: Uint32Array): void {
    const { header } = this;
    this.missing--;
    if (!header?.shading?.lit) return;
    const start = header.chunks.slice(0, index).reduce((sum, n) => sum + n, 0);
    this.background.call("addChunk", start, words);
    this.follow();
  }

  /** Compute ahead what the first light needs, where that does not hold up the page. */
  prepare(): void {
    if (this.header?.shading?.lit && !this.background.onMainThread) this.background.call("prepare");
  }

  /** Take over what changed of the state. */
  apply(state: ViewState): void {
    if (LIGHT_KEYS.every((key) => this.state?.[key] === state[key])) return;
    this.state = state;
    this.turn++;
    this.follow();
  }

  /** Resolves when the light is that of the newest state. */
  async idle(): Promise<void> {
    while (this.running) await this.running;
  }

  private follow(): void {
    const { header, state } = this;
    if (!header?.shading?.lit || !state || !this.complete) return;
    this.wanted = lookOf(header, state);
    if (this.wanted) this.running ??= this.run();
    else this.show(null);
  }

  private async run(): Promise<void> {
    for (let done = -1; this.wanted && done !== this.turn; ) {
      done = this.turn;
      const { header } = this;
      const light = await this.background.call("light", this.wanted);
      // While a slider is dragged, light a little behind is better than none.
      if (this.wanted && header === this.header && this.complete) this.show(light);
    }
    this.running = null;
  }

  private show(light: Float32Array | null): void {
    if (light === this.light) return;
    this.light = light;
    this.shine(light);
  }
}

/** null where everything is there as the scene has it. */
function lookOf(header: SceneHeader, { visible, opacity, transfer, clipping }: Lit): Look | null {
  const organs = organOpacities({ visible, opacity });
  const planes = planesOf(clipping);
  const own = header.shading!.functions;
  const changed = transfer && !sameGroups(transfer, own) ? transfer : null;
  const whole = header.organs.every(({ id }) => organs[id] === 1);
  return whole && planes.length === 0 && !changed ? null : { organs, transfer: changed, planes };
}

const sameGroups = (a: TransferFunctions, b: TransferFunctions): boolean =>
  a === b || JSON.stringify(a.groups) === JSON.stringify(b.groups);
