import { SCHEMA_FORMATS, type SchemaBreach } from "./json-schema-draft.ts";

/** A schema that says what is not known here, or what no value could be compared with. */
export class SchemaError extends Error {
  /** Where in the schema. */
  readonly path: readonly (string | number)[];

  constructor(message: string, path: readonly (string | number)[]) {
    super(message);
    this.path = path;
  }
}

/** A property that is one too many. */
export function extraIn(params: SchemaBreach["params"]): string | undefined {
  return params["additionalProperty"] ?? params["unevaluatedProperty"];
}

/** What a draft's own schema says of a schema. */
export function refusalOf(schema: unknown, breaches: readonly SchemaBreach[]): SchemaError {
  return refusedFor(schema, deepest(breaches));
}

/** Of alternatives that do not hold, the one that went farthest. */
function deepest(breaches: readonly SchemaBreach[]): SchemaBreach {
  const depth = ({ instancePath }: SchemaBreach): number => instancePath.split("/").length;
  return breaches.reduce((far, breach) => (depth(breach) > depth(far) ? breach : far));
}

function refusedFor(schema: unknown, breach: SchemaBreach): SchemaError {
  const { instancePath, keyword, params, propertyName, message = "is not valid" } = breach;
  const path = pathOf(schema, instancePath);
  const extra = extraIn(params);
  if (extra !== undefined)
    return new SchemaError("is not known here; remove it, or look how it is spelt", [...path, extra]);
  if (keyword === "false schema")
    return new SchemaError("is not taken: not every case of it would be checked as the draft says", path);
  if (propertyName !== undefined) path.push(propertyName);
  if (params["format"] === "regex") return new SchemaError("not a regular expression (Unicode mode)", path);
  if (keyword === "enum") {
    const allowed: readonly unknown[] = params["allowedValues"];
    const words = allowed === SCHEMA_FORMATS ? "not a format; write a pattern, or" : "write";
    return new SchemaError(`${words} one of ${allowed.join(", ")}`, path);
  }
  if (keyword === "type" && String(params["type"]) === "object,boolean")
    return new SchemaError("not a JSON Schema; write an object, true or false", path);
  return new SchemaError(message, path);
}

/** What the library says of a schema that its draft has nothing against. */
export function errorOf(schema: unknown, error: Error): SchemaError {
  if (error instanceof SchemaError) return error;
  if (error instanceof RangeError) return new SchemaError("nested too deeply, or refers to itself alone", []);
  const reference = /^can't resolve reference (.*) from id /s.exec(error.message)?.[1];
  if (reference === undefined) return new SchemaError(error.message.replace(/^strict mode: /, ""), []);
  return new SchemaError(
    "leads nowhere in this schema; write #/$defs/name",
    placeOf(schema, reference) ?? [],
  );
}

/** Where a reference stands. */
function placeOf(schema: unknown, reference: string): (string | number)[] | undefined {
  for (const [name, part] of partsIn(schema)) {
    if (name === "$ref" && part === reference) return [name];
    const place = placeOf(part, reference);
    if (place !== undefined) return [name, ...place];
  }
  return undefined;
}

/** The members or items of a value, by their names or places; none where it has neither. */
export function partsIn(value: unknown): [name: string | number, part: unknown][] {
  if (Array.isArray(value)) return [...value.entries()];
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}

/** The steps of a JSON pointer into a value. */
function pathOf(value: unknown, pointer: string): (string | number)[] {
  let at = value;
  return pointer
    .split("/")
    .slice(1)
    .map((step) => {
      const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
      const isItem = Array.isArray(at);
      at = (at as Readonly<Record<string, unknown>>)[name];
      return isItem ? Number(name) : name;
    });
}
