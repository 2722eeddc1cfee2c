import { decodeIllumination, decodeLabels, decodeMeans, decodeOpacities, decodeValues } from "../scene/gaussians";
import { RECORD_WORDS, type SceneHeader } from "../scene/types";
import { ArrivingLight } from "./arriving";
import { coarseLattice, cover, type Lattice, toCells } from "./lattice";
import { type Look, type Matter, presence } from "./presence";
import { crossSections } from "./sections";

/** Edge of a cell in standard deviations of a typical Gaussian: a third more than the block that it stands for. */
const CELL_SIGMAS = 2.5;

/** Everything there, as the scene has it. */
interface Whole {
  matter: Matter;
  areas: Float32Array;
  lattice: Lattice;
  positions: Float32Array;
  /** [N, 3] J of the scene. */
  illumination: Float32Array;
  arriving: ArrivingLight;
  /** [N, 3], what is swept for everything together. */
  swept: Float32Array;
}

/** Lights a scene for what is visible of it; the twin of Python's `pipeline.relight.arriving_light`. */
export class LightWork {
  private header: SceneHeader | null = null;
  private words = new Uint32Array(0);
  private whole: Whole | null = null;

  setScene(header: SceneHeader): void {
    this.header = header;
    this.words = new Uint32Array(header.count * RECORD_WORDS);
    this.whole = null;
  }

  /** Take in records as Gaussians start, start + 1, ... */
  addChunk(start: number, words: Uint32Array): void {
    this.words.set(words, start * RECORD_WORDS);
    this.whole = null;
  }

  /** Do what the first light needs ahead of it, once all chunks are there. */
  prepare(): void {
    if (this.header) this.whole ??= wholeOf(this.header, this.words);
  }

  /** J [N, 3] of every Gaussian under a look, once all chunks are there; those that are not there keep theirs. */
  light(look: Look): Float32Array {
    this.prepare();
    const { header, whole } = this;
    if (!header || !whole) return new Float32Array(0);
    const { matter, areas, lattice, positions, illumination, arriving, swept } = whole;
    const factors = presence(header, matter, look);
    const members = Uint32Array.from(factors.keys()).filter((i) => factors[i] > 0);
    const shown = areas.map((area, i) => area * factors[i]);
    const now = arriving.at(members, cover(lattice, positions, shown));
    const light = illumination.slice();
    for (let q = 0; q < now.length; q++) {
      const at = 3 * members[Math.floor(q / 3)] + (q % 3);
      light[at] = Math.max(light[at] + now[q] - swept[at], 0);
    }
    return light;
  }
}

function wholeOf(header: SceneHeader, words: Uint32Array): Whole {
  const { sizes, areas } = crossSections(words, header.direction_weight);
  const matter = {
    means: decodeMeans(words, header),
    sizes,
    labels: decodeLabels(words),
    opacities: decodeOpacities(words),
    values: decodeValues(words, header),
  };
  const lattice = coarseLattice(header.bounds_mm, CELL_SIGMAS * median(sizes));
  const positions = toCells(lattice, matter.means);
  const arriving = new ArrivingLight(lattice, header.shading!, positions);
  const everyone = Uint32Array.from(areas.keys());
  const swept = arriving.at(everyone, cover(lattice, positions, areas));
  return { matter, areas, lattice, positions, illumination: decodeIllumination(words), arriving, swept };
}

/** The lower one of two in the middle. */
function median(values: Float32Array): number {
  return values.slice().sort()[(values.length - 1) >> 1];
}
