import type { Client } from "../sorting/client";
import type { Eye } from "../sorting/depths";

/** What an order of drawing was made for; compared by identity. */
export interface Ordered {
  eye: Eye;
  /** One entry for each label id, 0 for hidden. */
  shown: Uint8Array;
  /** How many chunks had arrived. */
  chunks: number;
}

/** Keeps the order of drawing up with what is looked at: asks for one at a time, for the newest view. */
export class Ordering {
  order: Uint32Array | null = null;
  /** What `order` was made for. */
  made: Ordered | null = null;
  /** Whether an order is on its way. */
  busy = false;
  /** Counts scenes. */
  private scene = 0;

  constructor(
    private readonly client: Client,
    private readonly arrived: () => void,
  ) {}

  /** How long the last one took to make, ms. */
  get milliseconds(): number {
    return this.client.timings.sort ?? 0;
  }

  isMadeFor(wanted: Ordered): boolean {
    const { made } = this;
    return made?.eye === wanted.eye && made.shown === wanted.shown && made.chunks === wanted.chunks;
  }

  /** Ask for an order unless one is on its way or there. */
  want(wanted: Ordered): void {
    if (this.busy || this.isMadeFor(wanted)) return;
    this.busy = true;
    const { scene } = this;
    this.client.call("sort", wanted.eye, wanted.shown).then((order) => {
      if (scene !== this.scene) return;
      this.busy = false;
      this.order = order;
      this.made = wanted;
      this.arrived();
    });
  }

  /** Forget the order, and the one on its way: the scene is another one. */
  reset(): void {
    this.scene++;
    this.busy = false;
    this.order = null;
    this.made = null;
  }
}
