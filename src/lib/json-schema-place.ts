/** What is wrong with a value: undefined, or where and what, as "/items/0 is not a number". */
export type SchemaCheck = (value: unknown) => string | undefined;

/** A schema that says what is not known here, or what no value could be compared with. */
export class SchemaError extends Error {
  /** Where in the schema. */
  readonly path: readonly (string | number)[];

  constructor(message: string, path: readonly (string | number)[]) {
    super(message);
    this.path = path;
  }
}

/** Where a keyword stands. */
export interface SchemaPlace {
  readonly path: readonly (string | number)[];
  /** The schema that the keyword is part of. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** Compiles a schema below this one. */
  sub(schema: unknown, ...steps: (string | number)[]): SchemaCheck;
  /** The check of the schema that a reference leads to. */
  refer(reference: string): SchemaCheck;
}

/** Whether a value is what JSON calls an object. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A keyword's number of things. */
export function count(value: unknown, { path }: SchemaPlace): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  throw new SchemaError("not a number of things; write 0 or more", path);
}

/** A keyword's list. */
export function list(value: unknown, { path }: SchemaPlace): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new SchemaError("not a list", path);
}

/** A keyword's list of names. */
export function names(value: unknown, place: SchemaPlace): readonly string[] {
  const all = list(value, place);
  if (all.every((name) => typeof name === "string")) return all as readonly string[];
  throw new SchemaError("not a list of names", place.path);
}

/** A keyword's regular expression, which may match anywhere. */
export function expression(value: unknown, { path }: Pick<SchemaPlace, "path">): RegExp {
  try {
    if (typeof value === "string") return new RegExp(value, "u");
  } catch (error) {
    throw new SchemaError(`not a regular expression: ${(error as Error).message}`, path);
  }
  throw new SchemaError("not a regular expression", path);
}

/** A keyword's members. */
export function map(value: unknown, { path }: SchemaPlace): [string, unknown][] {
  if (isObject(value)) return Object.entries(value);
  throw new SchemaError("not an object", path);
}
