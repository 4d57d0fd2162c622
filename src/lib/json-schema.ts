import { KEYWORDS } from "./json-schema-keywords.ts";
import { type SchemaCheck, SchemaError } from "./json-schema-place.ts";

/** A JSON Schema, draft 2020-12. */
export type JsonSchema = boolean | { readonly [keyword: string]: unknown };

/** Keywords that only tell of a value, or stand for what others lead to. */
const SILENT: ReadonlySet<string> = new Set(
  "$schema $comment $defs definitions title description default examples deprecated readOnly writeOnly".split(
    " ",
  ),
);

/** Keywords that another one of the same schema reads. */
const READ: ReadonlySet<string> = new Set(["then", "else", "minContains", "maxContains"]);

/**
 * Makes a check of a schema. Throws a SchemaError for keywords that are not known: what is written must hold, and
 * nothing of it may be passed over in silence.
 */
export function compileJsonSchema(schema: JsonSchema): SchemaCheck {
  const check = new SchemaCompiler(schema).compile(schema, []);
  return (value) => {
    try {
      const problem = check(value);
      return problem?.trimStart();
    } catch (error) {
      if (error instanceof RangeError) return "is nested too deeply";
      throw error;
    }
  };
}

class SchemaCompiler {
  readonly #root: unknown;
  /** What references lead to, by the schema itself: one that leads to itself is made once. */
  readonly #made = new Map<unknown, SchemaCheck>();

  constructor(root: unknown) {
    this.#root = root;
  }

  compile(schema: unknown, path: readonly (string | number)[]): SchemaCheck {
    if (schema === true) return () => undefined;
    if (schema === false) return () => " is not allowed";
    if (typeof schema !== "object" || schema === null || Array.isArray(schema))
      throw new SchemaError("not a JSON Schema; write an object, true or false", path);
    const made = this.#made.get(schema);
    if (made !== undefined) return made;
    let checks: readonly SchemaCheck[] = [];
    const check: SchemaCheck = (value) => {
      for (const one of checks) {
        const problem = one(value);
        if (problem !== undefined) return problem;
      }
      return undefined;
    };
    this.#made.set(schema, check);
    checks = this.#checks(schema as Readonly<Record<string, unknown>>, path);
    return check;
  }

  #checks(schema: Readonly<Record<string, unknown>>, path: readonly (string | number)[]): SchemaCheck[] {
    const checks: SchemaCheck[] = [];
    for (const [keyword, value] of Object.entries(schema)) {
      if (keyword === "$defs" || keyword === "definitions") this.#checkAll(value, [...path, keyword]);
      if (SILENT.has(keyword) || READ.has(keyword)) continue;
      const make = Object.hasOwn(KEYWORDS, keyword) ? KEYWORDS[keyword] : undefined;
      if (make === undefined)
        throw new SchemaError("is not known here; remove it, or look how it is spelt", [...path, keyword]);
      const here = [...path, keyword];
      checks.push(
        make(value, {
          path: here,
          schema,
          sub: (below, ...steps) => this.compile(below, [...here, ...steps]),
          refer: (reference) => this.#refer(reference, here),
        }),
      );
    }
    return checks;
  }

  /** What nobody refers to must be right as well. */
  #checkAll(definitions: unknown, path: readonly (string | number)[]): void {
    for (const [name, schema] of Object.entries(definitions ?? {})) this.compile(schema, [...path, name]);
  }

  #refer(reference: string, path: readonly (string | number)[]): SchemaCheck {
    let found: unknown = this.#root;
    const steps = /^#(\/.*)?$/s.exec(reference)?.[1]?.slice(1).split("/") ?? [];
    if (!reference.startsWith("#") || (reference !== "#" && steps.length === 0)) found = undefined;
    for (const step of steps) {
      const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
      found =
        typeof found === "object" && found !== null && Object.hasOwn(found, name)
          ? (found as Readonly<Record<string, unknown>>)[name]
          : undefined;
    }
    if (found === undefined) throw new SchemaError("leads nowhere in this schema; write #/$defs/name", path);
    return this.compile(found, path);
  }
}
