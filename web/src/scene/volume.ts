import type { OpenBlob } from "./blob";
import { BlobError } from "./errors";
import type { SceneHeader, VolumeData, VolumeHeader } from "./types";

/** All of a volume blob. */
export async function readVolume({ header, sections }: OpenBlob<SceneHeader | VolumeHeader>): Promise<VolumeData> {
  if (header.kind !== "volume") throw new BlobError("Where the scan's voxels should be, there is something else.");
  let values = new Uint16Array(0);
  let labels = new Uint8Array(0);
  for await (const { name, bytes } of sections) {
    if (name === "values") values = undifferenced(bytes, header.shape[0]);
    else if (name === "labels") labels = new Uint8Array(bytes);
  }
  if (values.length !== labels.length) throw new BlobError("The scan's voxels are incomplete.");
  return { header, values, labels };
}

/** Join low and high bytes and sum up the differences along each row of the first index. */
function undifferenced(planes: Uint8Array, row: number): Uint16Array<ArrayBuffer> {
  const n = planes.length / 2;
  const values = new Uint16Array(n);
  for (let start = 0; start < n; start += row) {
    let value = 0;
    for (let i = start; i < start + row; i++) {
      value += planes[i] | (planes[n + i] << 8);
      values[i] = value;
    }
  }
  return values;
}
