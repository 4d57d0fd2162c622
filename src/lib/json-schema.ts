import type { Options } from "ajv";
import { draftOf, SCHEMA_DRAFTS, type SchemaBreach, type SchemaDraft } from "./json-schema-draft.ts";
import { errorOf, extraIn, partsIn, refusalOf, SchemaError } from "./json-schema-error.ts";
import { replaceKeywords } from "./json-schema-keywords.ts";

/** A JSON Schema: draft 2020-12, or draft-07 where `$schema` says so. */
export type JsonSchema = boolean | { readonly [keyword: string]: unknown };

/** What breaks a schema: where in the value (a JSON pointer, RFC 6901; empty for the whole) and how. */
export interface SchemaProblem {
  readonly pointer: string;
  readonly message: string;
}

/** What is wrong with a value that came out of JSON; empty where it keeps to the schema. */
export type SchemaCheck = (value: unknown) => readonly SchemaProblem[];

/** Values in values, at most; what is nested deeper is refused, lest a check runs out of stack. */
const DEEPEST = 1_000;
/** The same of a schema: the main thread has a fourth of a worker's stack. */
const DEEPEST_SCHEMA = 200;
/** A value of more parts is told its first problem alone: each part might have one. */
const PARTS = 10_000;
/** Problems that are told, at most. */
const PROBLEMS = 100;

const TOO_DEEP: readonly SchemaProblem[] = [{ pointer: "", message: "is nested too deeply" }];
const NOT_VALID: readonly SchemaProblem[] = [{ pointer: "", message: "is not valid" }];

/**
 * Nothing is passed over, changed, filled in or loaded. What the library's strict mode has beyond the drafts is off: that a
 * keyword stands beside its type, and that a name is in `properties` or matches `patternProperties`, not both.
 */
const OPTIONS: Options = {
  strictSchema: true,
  ...{ strictTypes: false, strictTuples: false, strictRequired: false, allowMatchingProperties: true },
  ...{ validateSchema: false, ownProperties: true, logger: false },
};

/**
 * Makes a check of a schema that says the first problem in one line, as "/items/0 must be number". Throws as
 * `compileSchema` does.
 */
export function compileJsonSchema(schema: JsonSchema): (value: unknown) => string | undefined {
  const check = compileSchema(schema);
  return (value) => {
    const problem = check(value)[0];
    return problem && `${problem.pointer} ${problem.message}`.trimStart();
  };
}

/**
 * Makes a check of a schema. Throws a SchemaError, with its place, for keywords and formats that are not known: what is
 * written must hold, and nothing of it may be passed over in silence.
 * @param all whether all problems of a value are told, and not the first alone (default false). Then a `pattern` is tried on
 * strings that `maxLength` refuses, too.
 */
export function compileSchema(schema: JsonSchema, all: boolean = false): SchemaCheck {
  if (partsOf(schema, DEEPEST_SCHEMA) === Number.POSITIVE_INFINITY)
    throw new SchemaError("nested too deeply", []);
  refuseProto(schema, []);
  const uri = typeof schema === "object" && schema !== null ? schema["$schema"] : undefined;
  const draft = draftOf(uri);
  if (draft === undefined)
    throw new SchemaError(`not a draft that is known; write ${SCHEMA_DRAFTS.join(" or ")}`, ["$schema"]);
  const first = compile(draft, schema, false);
  const each = all ? compile(draft, schema, true) : undefined;
  // The library takes names that every object inherits for evaluated.
  const inherits = JSON.stringify(schema).includes('"unevaluatedProperties"');
  return (value) => {
    const parts = partsOf(value, DEEPEST);
    if (parts === Number.POSITIVE_INFINITY) return TOO_DEEP;
    const name = inherits ? inheritedName(value) : undefined;
    if (name !== undefined) return [{ pointer: "", message: `must NOT have the name ${name} in it` }];
    try {
      const problems = first(value);
      if (problems.length === 0 || each === undefined || parts > PARTS) return problems;
      const found = each(value);
      return found.length > 0 ? found : problems;
    } catch (error) {
      return error instanceof RangeError ? TOO_DEEP : NOT_VALID;
    }
  };
}

function compile(draft: SchemaDraft, schema: JsonSchema, all: boolean): SchemaCheck {
  try {
    const breaches = draft.breaches(schema);
    if (breaches !== undefined) throw refusalOf(schema, breaches);
    const ajv = draft.create({ ...OPTIONS, allErrors: all });
    replaceKeywords(ajv);
    const keeps = ajv.compile(schema);
    return (value) => (keeps(value) ? [] : problemsOf(keeps.errors ?? [], all));
  } catch (error) {
    throw errorOf(schema, error as Error);
  }
}

/** All that the library says, or what says most: of alternatives the last one, that none of them holds. */
function problemsOf(breaches: readonly SchemaBreach[], all: boolean): readonly SchemaProblem[] {
  const said = breaches.filter(({ keyword }) => keyword !== "if");
  if (said.length === 0) return NOT_VALID;
  return (all ? said.slice(0, PROBLEMS) : said.slice(-1)).map(problemOf);
}

function problemOf({ instancePath, keyword, params, message = "is not valid" }: SchemaBreach): SchemaProblem {
  if (keyword === "false schema") return { pointer: instancePath, message: "is not allowed" };
  const name = extraIn(params) ?? (keyword === "propertyNames" ? params["propertyName"] : undefined);
  if (name === undefined) return { pointer: instancePath, message };
  const pointer = `${instancePath}/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`;
  return {
    pointer,
    message: keyword === "propertyNames" ? "has a name that is not allowed" : "is not allowed",
  };
}

/** The library passes over what is called so. */
function refuseProto(schema: unknown, path: readonly (string | number)[]): void {
  for (const [name, part] of partsIn(schema)) {
    if (name === "__proto__") throw new SchemaError("no name that a schema can speak of", [...path, name]);
    refuseProto(part, [...path, name]);
  }
}

/** How many values a value is made of, itself counted; Infinity where they are nested deeper than `deepest`. */
function partsOf(value: unknown, deepest: number): number {
  if (typeof value !== "object" || value === null) return 1;
  if (deepest === 0) return Number.POSITIVE_INFINITY;
  let parts = 1;
  for (const part of Object.values(value)) parts += partsOf(part, deepest - 1);
  return parts;
}

function inheritedName(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  for (const [name, part] of Object.entries(value)) {
    const found = !Array.isArray(value) && name in Object.prototype ? name : inheritedName(part);
    if (found !== undefined) return found;
  }
  return undefined;
}
