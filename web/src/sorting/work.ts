import { type Hit, pickAlong, type Sight } from "../picking/ray";
import { RECORD_WORDS, type SceneHeader } from "../scene/types";
import { type Eye, Means } from "./depths";
import { Sorter } from "./order";

/** What is computed on the processor, in a worker where the browser allows one: the order of drawing, and picks. */
export class Work {
  private means: Means | null = null;
  private words = new Uint32Array(0);
  private readonly sorter = new Sorter();

  setScene(header: SceneHeader): void {
    this.means = new Means(header);
    this.words = new Uint32Array(header.count * RECORD_WORDS);
  }

  /** Take in records as Gaussians start, start + 1, ... */
  addChunk(start: number, words: Uint32Array): void {
    this.means?.add(start, words);
    this.words.set(words, start * RECORD_WORDS);
  }

  /** Indices of the Gaussians whose label is shown, from far to near. */
  sort(eye: Eye, shown: Uint8Array): Uint32Array {
    return this.means ? this.sorter.sort(this.means, eye, shown) : new Uint32Array(0);
  }

  pick(sight: Sight): Hit | null {
    return this.means && pickAlong(this.means, this.words, sight);
  }
}
