import { decodeValues } from "../scene/gaussians";
import { RECORD_WORDS, type SceneHeader } from "../scene/types";
import { RendererError } from "./errors";

/** A scene's records as they arrive, chunk by chunk in any order. */
export class Chunks {
  /** Records of each chunk, null until it is here. */
  readonly words: (Uint32Array | null)[];
  private readonly starts: number[] = [];

  constructor(readonly header: SceneHeader) {
    let start = 0;
    for (const count of header.chunks) {
      this.starts.push(start);
      start += count;
    }
    this.words = header.chunks.map(() => null);
  }

  /**
   * Take in a chunk.
   *
   * @returns The index of its first Gaussian.
   * @throws RendererError It is not as large as the header says.
   */
  add(index: number, words: Uint32Array): number {
    const expected = this.header.chunks[index] ?? 0;
    if (words.length !== expected * RECORD_WORDS) {
      throw new RendererError(`Chunk ${index} has ${words.length / RECORD_WORDS} Gaussians; expected ${expected}.`);
    }
    this.words[index] = words;
    return this.starts[index];
  }

  /** Chunks that are here, with the index of their first Gaussian. */
  arrived(): [number, Uint32Array][] {
    return this.words.flatMap((words, k): [number, Uint32Array][] => (words ? [[this.starts[k], words]] : []));
  }

  /** Gaussians that are here. */
  get count(): number {
    return this.arrived().reduce((sum, [, words]) => sum + words.length / RECORD_WORDS, 0);
  }

  /** The scan's value that a Gaussian stands for; null where the scene has none. */
  valueOf(index: number): number | null {
    for (const [start, words] of this.arrived()) {
      const at = (index - start) * RECORD_WORDS;
      if (at < 0 || at >= words.length) continue;
      return decodeValues(words.subarray(at, at + RECORD_WORDS), this.header)?.[0] ?? null;
    }
    return null;
  }
}
