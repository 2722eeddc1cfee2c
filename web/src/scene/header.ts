import { BlobError } from "./errors";
import { RECORD_WORDS, type SceneHeader, UNITS, type Unit, type VolumeHeader } from "./types";

/** As many Gaussians as a texture of 4096 × 4096 holds at four texels each. */
export const MAX_GAUSSIANS = 4194304;
/** As many voxels as 32-bit indices and a browser's largest arrays bear. */
export const MAX_VOXELS = 1 << 29;

type Unchecked = Record<string, unknown>;

/** What JSON.parse gave, as the header it claims to be; refuses what would make nonsense or fill the memory. */
export function checkHeader(data: unknown): SceneHeader | VolumeHeader {
  const header = record(data, "header");
  need(header.version === 1, `version ${header.version} of the format; this page reads version 1`);
  const sections = list(header.sections, "sections").map((entry) => record(entry, "sections"));
  for (const { name, bytes } of sections) need(typeof name === "string" && isCount(bytes), "sections");
  const sizes = sections.map(({ bytes }) => bytes as number);
  if (header.kind === "gaussians") return checkScene(header, sizes);
  if (header.kind === "volume") return checkVolume(header, sizes);
  throw new BlobError(`The data hold ${JSON.stringify(header.kind)}, which this page cannot show.`);
}

function checkScene(header: Unchecked, sizes: number[]): SceneHeader {
  const chunks = list(header.chunks, "chunks");
  need(chunks.every(isCount) && isCount(header.count), "chunks");
  const total = (chunks as number[]).reduce((sum, n) => sum + n, 0);
  need(total === header.count, "chunks");
  const expected = (chunks as number[]).map((n) => 4 * RECORD_WORDS * n);
  if (header.fidelity !== null) {
    checkFidelity(record(header.fidelity, "fidelity"));
    expected.unshift(total);
  }
  need(sizes.length === expected.length && sizes.every((bytes, k) => bytes === expected[k]), "sections");
  if (total > MAX_GAUSSIANS) {
    throw new BlobError(
      `The scene has ${total} Gaussians; this page shows ${MAX_GAUSSIANS} at most. Choose fewer organs or a coarser grid.`,
    );
  }
  need(isBox(header.bounds_mm), "bounds_mm");
  need(isBox(header.extent_mm), "extent_mm");
  need(UNITS.includes(header.unit as Unit), "unit");
  need(typeof header.title === "string", "title");
  need(header.value_range === null || isOrdered(header.value_range), "value_range");
  need(isNumber(header.direction_weight), "direction_weight");
  for (const organ of list(header.organs, "organs")) checkOrgan(record(organ, "organs"));
  if (header.shading !== null) checkShading(record(header.shading, "shading"), header.value_range);
  for (const preset of list(header.presets, "presets")) checkFunctions(preset);
  record(header.facts, "facts");
  return header as unknown as SceneHeader;
}

function checkOrgan(organ: Unchecked): void {
  const { id, group_index, count, name, group } = organ;
  need(isByte(id) && isByte(group_index) && isCount(count), "organs");
  need(typeof name === "string" && typeof group === "string" && isVector(organ.center_mm), "organs");
}

function checkShading(shading: Unchecked, range: unknown): void {
  need(range !== null && typeof shading.lit === "boolean" && isVector(shading.environment), "shading");
  checkFunctions(shading.functions);
  const m = shading.multiple_scattering;
  need(isNumber(m) && m >= 0 && m <= 1, "shading");
  for (const entry of list(shading.lights, "lights")) {
    const light = record(entry, "lights");
    const edges = list(light.half_edges_mm, "lights");
    need([light.center_mm, light.normal, light.radiance, ...edges].every(isVector) && edges.length === 2, "lights");
  }
}

function checkFidelity({ views, denoised, whole, organs, groups }: Unchecked): void {
  need(isCount(views) && typeof denoised === "boolean", "fidelity");
  const all = [organs, groups].flatMap((some) => Object.values(record(some, "fidelity")));
  for (const found of [whole, ...all].filter((one) => one !== null)) {
    const { error, trust } = record(found, "fidelity");
    need(isNumber(error) && isNumber(trust), "fidelity");
  }
}

function checkFunctions(data: unknown): void {
  const { unit, groups } = record(data, "transfer functions");
  need(UNITS.includes(unit as Unit), "transfer functions");
  for (const points of Object.values(record(groups, "transfer functions"))) {
    const rows = list(points, "transfer functions");
    need(rows.length > 0 && rows.every((row) => isNumbers(row, 5)), "transfer functions");
  }
}

function checkVolume(header: Unchecked, sizes: number[]): VolumeHeader {
  const shape = list(header.shape, "shape");
  need(shape.length === 3 && shape.every((n) => isCount(n) && n > 0), "shape");
  const voxels = (shape as number[]).reduce((product, n) => product * n, 1);
  if (voxels > MAX_VOXELS) throw new BlobError(`The scan has ${voxels} voxels; this page shows ${MAX_VOXELS} at most.`);
  need(sizes.length === 2 && sizes[0] === 2 * voxels && sizes[1] === voxels, "sections");
  const affine = list(header.affine, "affine");
  need(affine.length === 4 && affine.every((row) => isNumbers(row, 4)), "affine");
  need(UNITS.includes(header.unit as Unit), "unit");
  need(isNumber(header.value_offset) && isNumber(header.value_scale), "value_scale");
  return header as unknown as VolumeHeader;
}

function need(holds: boolean, what: string): asserts holds {
  if (!holds) throw new BlobError(`The scene's data are damaged or of another version: their ${what} makes no sense.`);
}

function record(data: unknown, what: string): Unchecked {
  need(typeof data === "object" && data !== null && !Array.isArray(data), what);
  return data as Unchecked;
}

function list(data: unknown, what: string): unknown[] {
  need(Array.isArray(data), what);
  return data;
}

const isNumber = (x: unknown): x is number => Number.isFinite(x);
const isCount = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0;
const isByte = (x: unknown): boolean => isCount(x) && x < 256;
const isNumbers = (x: unknown, n: number): x is number[] => Array.isArray(x) && x.length === n && x.every(isNumber);
const isVector = (x: unknown): x is number[] => isNumbers(x, 3);
const isOrdered = (x: unknown): boolean => isNumbers(x, 2) && x[0] <= x[1];
const isBox = (x: unknown): boolean =>
  Array.isArray(x) && x.length === 2 && x.every(isVector) && [0, 1, 2].every((axis) => x[0][axis] <= x[1][axis]);
