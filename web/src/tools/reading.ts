/** Checks data of unknown make: returns them as what they should be, or throws saying where they are not. */
export type Reader<T> = (data: unknown, where: string) => T;

/** Data are not what they should be; the message is for people. */
export class ReadingError extends Error {
  constructor(where: string, expected: string) {
    super(`${where} should be ${expected}`);
  }
}

/** A finite number in a range. */
export function number(low = -Number.MAX_VALUE, high = Number.MAX_VALUE): Reader<number> {
  const expected = low === -Number.MAX_VALUE ? "a number" : `a number from ${low} to ${high}`;
  return (data, where) => {
    if (typeof data !== "number" || !(data >= low && data <= high)) throw new ReadingError(where, expected);
    return data;
  };
}

export const flag: Reader<boolean> = (data, where) => {
  if (typeof data !== "boolean") throw new ReadingError(where, "true or false");
  return data;
};

export const text: Reader<string> = (data, where) => {
  if (typeof data !== "string") throw new ReadingError(where, "a text");
  return data;
};

/** One of a few values. */
export const oneOf =
  <T extends string | number>(...values: T[]): Reader<T> =>
  (data, where) => {
    const found = values.find((value) => value === data);
    if (found === undefined) throw new ReadingError(where, values.map((value) => JSON.stringify(value)).join(" or "));
    return found;
  };

export const nullable =
  <T>(reader: Reader<T>): Reader<T | null> =>
  (data, where) =>
    data === null ? null : reader(data, where);

/** A list with so many entries at least and at most. */
export const list =
  <T>(reader: Reader<T>, least = 0, most = Number.POSITIVE_INFINITY): Reader<T[]> =>
  (data, where) => {
    if (!Array.isArray(data) || data.length < least || data.length > most) {
      const bounds = least === most ? ` of ${least}` : most < Number.POSITIVE_INFINITY ? ` of at most ${most}` : "";
      throw new ReadingError(where, `a list${bounds}`);
    }
    return data.map((entry, i) => reader(entry, `${where}[${i}]`));
  };

/** An object with these fields; others that it may have are left behind. */
export const record =
  <T extends object>(fields: { [K in keyof T]: Reader<T[K]> }): Reader<T> =>
  (data, where) => {
    if (typeof data !== "object" || data === null || Array.isArray(data)) throw new ReadingError(where, "an object");
    const entries = Object.entries(fields) as [string, Reader<unknown>][];
    const read = entries.map(([name, reader]) => [
      name,
      reader((data as Record<string, unknown>)[name], `${where}.${name}`),
    ]);
    return Object.fromEntries(read) as T;
  };
