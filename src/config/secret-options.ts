import { globalRegistry, type z } from "zod";

/** A value that a schema marks as secret by `.meta({ secret: true })`: where it stands, and the texts in it. */
export interface SecretValue {
  readonly path: readonly PropertyKey[];
  readonly texts: readonly string[];
}

/** Of a secret map or list only longer texts are hidden elsewhere too: words such as "RSA" stand everywhere. */
const LONG = 12;

/** What is looked at of a schema's definition. */
interface Definition {
  readonly type: string;
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly catchall?: z.ZodType;
  readonly element?: z.ZodType;
  readonly innerType?: z.ZodType;
  readonly options?: readonly z.ZodType[];
  readonly valueType?: z.ZodType;
  readonly in?: z.ZodType;
  readonly left?: z.ZodType;
  readonly right?: z.ZodType;
  readonly items?: readonly z.ZodType[];
}

/**
 * The secrets of a value, as it is written, by its schema: what is marked `secret: true`, and the passwords of URLs that are
 * marked `secret: "url"`. The value need not be one that the schema takes.
 */
export function secretsIn(schema: z.ZodType, value: unknown): SecretValue[] {
  const found: SecretValue[] = [];
  collect(schema, value, [], found);
  return found;
}

function collect(
  schema: z.ZodType,
  value: unknown,
  path: readonly PropertyKey[],
  found: SecretValue[],
): void {
  if (value === undefined || value === null || !holdsSecrets(schema)) return;
  const mark = markOf(schema);
  if (mark !== undefined) {
    const texts = mark === "url" ? passwordsOf(value) : textsOf(value, 1);
    if (texts.length > 0) found.push({ path, texts });
    return;
  }
  const { shape, catchall, element, valueType, items, ...rest } = definitionOf(schema);
  for (const one of alternatives(schema, rest)) collect(one, value, path, found);
  if (typeof value !== "object") return;
  if (Array.isArray(value)) {
    for (const [i, one] of value.entries()) {
      const of = element ?? items?.[i];
      if (of !== undefined) collect(of, one, [...path, i], found);
    }
    return;
  }
  for (const [key, one] of Object.entries(value)) {
    const of = shape !== undefined && Object.hasOwn(shape, key) ? shape[key] : (valueType ?? catchall);
    if (of !== undefined) collect(of, one, [...path, key], found);
  }
}

function markOf(schema: z.ZodType): true | "url" | undefined {
  // A schema of a user's own may be made by another version of the library: nothing is known of it then.
  if ((schema as Partial<z.ZodType>)._zod === undefined) return undefined;
  const mark = globalRegistry.get(schema)?.["secret"];
  return mark === true || mark === "url" ? mark : undefined;
}

function definitionOf(schema: z.ZodType): Definition {
  const made = schema as { readonly _zod?: { readonly def: unknown } };
  return (made._zod?.def ?? { type: "unknown" }) as Definition;
}

/** Schemas that speak of the same value. */
function alternatives(
  schema: z.ZodType,
  { type, innerType, options, left, right, ...rest }: Definition,
): z.ZodType[] {
  const lazy = type === "lazy" ? (schema._zod as unknown as { innerType?: z.ZodType }).innerType : undefined;
  return [innerType, lazy, rest.in, left, right, ...(options ?? [])].filter((one) => one !== undefined);
}

const known = new WeakMap<z.ZodType, boolean>();

/** Whether a schema marks anything at all: most of a config need not be looked at. */
export function holdsSecrets(schema: z.ZodType): boolean {
  const before = known.get(schema);
  if (before !== undefined) return before;
  const seen = new Set<z.ZodType>();
  const visit = (one: z.ZodType): boolean => {
    if (seen.has(one)) return false;
    seen.add(one);
    if (markOf(one) !== undefined) return true;
    const { shape, catchall, element, valueType, items, ...rest } = definitionOf(one);
    const below = [...Object.values(shape ?? {}), catchall, element, valueType, ...(items ?? [])];
    return [...below, ...alternatives(one, rest)].some((inner) => inner !== undefined && visit(inner));
  };
  const holds = visit(schema);
  known.set(schema, holds);
  return holds;
}

function passwordsOf(value: unknown): string[] {
  if (typeof value !== "string" || !URL.canParse(value)) return [];
  const { password } = new URL(value);
  if (password === "") return [];
  return [...new Set([value, password, decoded(password)])];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function textsOf(value: unknown, atLeast: number): string[] {
  if (typeof value === "string") return value.length >= atLeast ? [value] : [];
  if (typeof value === "number") return [String(value)];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap((one) => textsOf(one, LONG));
}
