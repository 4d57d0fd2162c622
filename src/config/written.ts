/** A map of what was written, before anything about it is known. */
export type WrittenMap = Readonly<Record<string, unknown>>;

/** Whether something written is a map. */
export function isMap(value: unknown): value is WrittenMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The maps of a written list, with their indexes. */
export function mapsOf(value: unknown): [index: number, map: WrittenMap][] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((one: unknown, i): [number, WrittenMap][] => (isMap(one) ? [[i, one]] : []));
}

/** The texts of something written as one text or as a list. */
export function textsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}
