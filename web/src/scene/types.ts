import type { Vec3 } from "../vectors";

/** What values are: HU of CT, signal relative to a scan's own range (MR, ultrasound), or in a unit of their own. */
export const UNITS = ["HU", "relative", "arbitrary"] as const;
export type Unit = (typeof UNITS)[number];

/** Rows of value, red, green, blue, opacity per 1.5 mm; colours in 0..1, sRGB, not multiplied by opacity. */
export type TransferPoints = number[][];

/** The JSON of tomosplat's transfer functions (Python: `TransferFunctions.to_dict`). */
export interface TransferFunctions {
  format: "tomosplat-transfer-functions";
  version: 1;
  name: string;
  unit: Unit;
  rgb_max: 1 | 255;
  /** Group index → points. */
  groups: Record<string, TransferPoints>;
  notes: string[];
}

/** An organ or tissue of the scene. */
export interface Organ {
  id: number;
  name: string;
  /** Title of the group of organs that share one transfer function, and its index. */
  group: string;
  group_index: number;
  /** Gaussians of this label. */
  count: number;
  /** Mean position of its Gaussians. */
  center_mm: Vec3;
}

/** A square light that shines with equal radiance towards the scene. */
export interface PlacedLight {
  center_mm: Vec3;
  /** From the centre to the middles of two neighbouring sides. */
  half_edges_mm: readonly [Vec3, Vec3];
  normal: Vec3;
  radiance: Vec3;
}

/** What the colours were made of, so that they can be made anew. */
export interface Shading {
  functions: TransferFunctions;
  /** False: colours are the functions' own; J is 1 and m 0 everywhere, and there is nothing to relight. */
  lit: boolean;
  /** Linear RGB radiance from every direction in which no light stands. */
  environment: Vec3;
  lights: PlacedLight[];
  /** m of shade(): albedo · J / (1 − m · albedo). */
  multiple_scattering: number;
}

/** How near the pictures of an organ, or of several, are to path-traced truth; null where no view shows them. */
export type Agreement = {
  /** Root mean square difference of sRGB in 0..1. */
  error: number;
  /** 0..100: from a difference of 10 % of full brightness to one of 1 %. */
  trust: number;
} | null;

/** What was measured of a scene with everything shown; its Gaussians' errors are a section of their own. */
export interface SceneFidelity {
  /** How many pictures were compared. */
  views: number;
  denoised: boolean;
  whole: Agreement;
  /** By label id. */
  organs: Record<string, Agreement>;
  /** By group index. */
  groups: Record<string, Agreement>;
}

/** One part of a blob. */
export interface Section {
  name: string;
  bytes: number;
}

/** The header of a Gaussians blob; see docs/viewer-format.md. */
export interface SceneHeader {
  kind: "gaussians";
  version: 1;
  title: string;
  count: number;
  /** Gaussians of each chunk; every chunk is spread over the whole scene. */
  chunks: number[];
  /** Box of the means, to which their 16-bit coordinates refer. */
  bounds_mm: readonly [Vec3, Vec3];
  /** Box in which everything visible lies (every Gaussian down to 1/255): what a camera frames. */
  extent_mm: readonly [Vec3, Vec3];
  unit: Unit;
  /** To which the 16-bit values refer; null where the scene has no values and cannot be recoloured. */
  value_range: readonly [number, number] | null;
  /** λ of the opacity weight exp(−λ xᵀ P x). */
  direction_weight: number;
  organs: Organ[];
  shading: Shading | null;
  /** Null where the scene was not measured against the truth, and has no section of errors. */
  fidelity: SceneFidelity | null;
  /** Transfer functions to choose from. */
  presets: TransferFunctions[];
  /** What may be told about how the scene was made; never about a patient. */
  facts: Record<string, string | number>;
  sections: Section[];
}

/** Values and labels on a grid; the header of a volume blob. */
export interface VolumeHeader {
  kind: "volume";
  version: 1;
  shape: readonly [number, number, number];
  /** Index → world RAS+ mm, 4×4 by rows; index (0,0,0) is the centre of the first voxel. */
  affine: readonly (readonly number[])[];
  unit: Unit;
  /** value = offset + scale · stored 16-bit number. */
  value_offset: number;
  value_scale: number;
  sections: Section[];
}

/** A volume as it arrived: first index fastest. */
export interface VolumeData {
  header: VolumeHeader;
  values: Uint16Array;
  labels: Uint8Array;
}

/** One Gaussian's 64 bytes are 16 little-endian words; the layout is in docs/viewer-format.md. */
export const RECORD_WORDS = 16;
