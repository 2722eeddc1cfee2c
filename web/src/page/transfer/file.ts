import type { TransferFunctions, TransferPoints } from "../../scene/types";

const FORMAT = "tomosplat-transfer-functions";

/** A file is not of the format; the message is for people. */
export class TransferFileError extends Error {
  override name = "TransferFileError";
}

/** The functions as text, which Python's `TransferFunctions.from_json` reads. */
export const transferText = (functions: TransferFunctions): string => JSON.stringify(functions, null, 1);

/** Read what {@link transferText} or Python's `to_json` wrote; refuses what Python refuses, and another unit. */
export function parseTransfer(text: string, unit: TransferFunctions["unit"]): TransferFunctions {
  const data = object(parsed(text), "the file");
  if (data.format !== FORMAT || data.version !== 1) {
    const found = `${quoted(data.format)} version ${quoted(data.version)}`;
    refuse(`it should have the format “${FORMAT}” version 1, but has ${found}`);
  }
  const { unit: found = "HU", rgb_max: most = 255, groups, name = "", notes = [] } = data;
  if (found !== unit) refuse(`its values are in ${quoted(found)}, those of this scene in “${unit}”`);
  if (most !== 1 && most !== 255) refuse(`rgb_max must be 1 or 255, not ${quoted(most)}`);
  const entries = Object.entries(object(groups, "groups"));
  if (entries.length === 0) refuse("it has no group of organs");
  return {
    format: FORMAT,
    version: 1,
    name: String(name),
    unit,
    rgb_max: 1,
    groups: Object.fromEntries(
      entries.flatMap(([key, rows]) => members(key).map((group) => [group, points(key, rows, most as number)])),
    ),
    notes: Array.isArray(notes) ? notes.map(String) : [],
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return refuse(`it is not JSON (${(error as Error).message})`);
  }
}

/** The indices that “7”, “1-11” or “1-3,7” names. */
function members(key: string): number[] {
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(key)) {
    refuse(`groups are named by their indices, 0 to 255, as “7”, “1-11” or “1-3,7”, not “${key}”`);
  }
  return key.split(",").flatMap((part) => {
    const [first, last = first] = part.split("-").map(Number);
    if (first > last || last > 255) refuse(`group indices run from 0 to 255 and ranges upwards, not “${key}”`);
    return Array.from({ length: last - first + 1 }, (_, n) => first + n);
  });
}

function points(key: string, rows: unknown, most: number): TransferPoints {
  const list = Array.isArray(rows) ? rows : [];
  if (list.length === 0) refuse(`group ${key} has no points`);
  const read = list.map((row: unknown) => {
    if (!Array.isArray(row) || row.length !== 5 || !row.every(Number.isFinite)) {
      refuse(`group ${key}: a point is five numbers (value, red, green, blue, opacity), not ${quoted(row)}`);
    }
    const [value, red, green, blue, opacity] = row as number[];
    return [value, red / most, green / most, blue / most, opacity];
  });
  for (const [index, [value, ...parts]] of read.entries()) {
    if (index > 0 && value < read[index - 1][0]) refuse(`group ${key}: its points are not sorted by value`);
    if (parts.some((part) => part < 0 || part > 1)) {
      refuse(`group ${key}: at ${value}, colours must lie in 0 to ${most} and the opacity in 0 to 1`);
    }
  }
  return read;
}

function object(data: unknown, what: string): Record<string, unknown> {
  if (typeof data !== "object" || data === null || Array.isArray(data)) refuse(`${what} must be a JSON object`);
  return data as Record<string, unknown>;
}

const quoted = (value: unknown): string => (JSON.stringify(value) ?? "none").slice(0, 60);

function refuse(why: string): never {
  throw new TransferFileError(`This transfer function cannot be used: ${why}.`);
}
