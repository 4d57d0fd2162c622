import { SCHEMA_FORMATS } from "./json-schema-formats.ts";
import {
  count,
  expression,
  isObject,
  list,
  map,
  names,
  type SchemaCheck,
  SchemaError,
  type SchemaPlace,
} from "./json-schema-place.ts";

type Keyword = (value: unknown, place: SchemaPlace) => SchemaCheck;

/** What a value is called by `type`. */
const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  integer: (value) => Number.isInteger(value),
  boolean: (value) => typeof value === "boolean",
  null: (value) => value === null,
  array: (value) => Array.isArray(value),
  object: isObject,
};

/** A step of the path in front of a problem; what has no path yet begins with a space. */
const below = (step: string | number, problem: string): string =>
  `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}${problem}`;

/** One text for all values that JSON Schema calls equal. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isObject(value)) return value === 0 ? "0" : (JSON.stringify(value) ?? "");
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

function schemas(value: unknown, place: SchemaPlace): SchemaCheck[] {
  const all = list(value, place);
  if (all.length > 0) return all.map((schema, i) => place.sub(schema, i));
  throw new SchemaError("an empty list; write one schema or more", place.path);
}

const amount =
  (holds: (value: number, bound: number) => boolean, words: string): Keyword =>
  (bound, { path }) => {
    if (typeof bound !== "number") throw new SchemaError("not a number", path);
    return (value) => (typeof value !== "number" || holds(value, bound) ? undefined : ` ${words} ${bound}`);
  };

const size =
  (
    of: (value: unknown) => number | undefined,
    holds: (size: number, bound: number) => boolean,
    words: string,
  ): Keyword =>
  (written, place) => {
    const bound = count(written, place);
    return (value) => {
      const found = of(value);
      return found === undefined || holds(found, bound) ? undefined : ` ${words} ${bound}`;
    };
  };

const least = (found: number, bound: number): boolean => found >= bound;
const most = (found: number, bound: number): boolean => found <= bound;

/** Characters, of which some are two of JavaScript's. */
function characters(value: unknown): number | undefined {
  if (typeof value !== "string") return undefined;
  return value.length - (value.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0);
}

const items = (value: unknown): number | undefined => (Array.isArray(value) ? value.length : undefined);
const members = (value: unknown): number | undefined =>
  isObject(value) ? Object.keys(value).length : undefined;

/** Every keyword that says something of a value, and the check that it stands for. */
export const KEYWORDS: Readonly<Record<string, Keyword>> = {
  type: (value, { path }) => {
    const wanted = typeof value === "string" ? [value] : value;
    const tests = Array.isArray(wanted)
      ? wanted.map((name) => (Object.hasOwn(TYPES, String(name)) ? TYPES[String(name)] : undefined))
      : [];
    if (tests.length === 0 || tests.includes(undefined))
      throw new SchemaError(`not a type; write ${Object.keys(TYPES).join(", ")}`, path);
    const words = (wanted as string[]).join(" or ");
    return (found) => (tests.some((test) => test!(found)) ? undefined : ` is not of the type ${words}`);
  },
  enum: (value, place) => {
    const known = new Set(list(value, place).map(canonical));
    return (found) => (known.has(canonical(found)) ? undefined : " is none of the values that are known");
  },
  const: (value) => {
    const wanted = canonical(value);
    return (found) => (canonical(found) === wanted ? undefined : " is not the value that is asked for");
  },
  format: (value, { path }) => {
    const test = Object.hasOwn(SCHEMA_FORMATS, String(value)) ? SCHEMA_FORMATS[String(value)] : undefined;
    if (test === undefined)
      throw new SchemaError(
        `not a format; write ${Object.keys(SCHEMA_FORMATS).join(", ")}, or a pattern`,
        path,
      );
    return (found) => (typeof found !== "string" || test(found) ? undefined : ` is not a ${value}`);
  },

  minimum: amount((value, bound) => value >= bound, "is less than"),
  maximum: amount((value, bound) => value <= bound, "is more than"),
  exclusiveMinimum: amount((value, bound) => value > bound, "is not more than"),
  exclusiveMaximum: amount((value, bound) => value < bound, "is not less than"),
  multipleOf: amount((value, bound) => Number.isInteger(value / bound), "is not a multiple of"),

  minLength: size(characters, least, "has fewer characters than"),
  maxLength: size(characters, most, "has more characters than"),
  pattern: (value, place) => {
    const wanted = expression(value, place);
    return (found) =>
      typeof found !== "string" || wanted.test(found) ? undefined : " does not match its pattern";
  },

  minItems: size(items, least, "has fewer items than"),
  maxItems: size(items, most, "has more items than"),
  uniqueItems: (value) => (found) => {
    if (value !== true || !Array.isArray(found)) return undefined;
    return new Set(found.map(canonical)).size === found.length ? undefined : " has an item twice";
  },
  prefixItems: (value, place) => {
    const checks = schemas(value, place);
    return (found) => eachItem(found, 0, checks.length, (at) => checks[at]!);
  },
  items: (value, place) => {
    const check = place.sub(value);
    const first = Array.isArray(place.schema["prefixItems"]) ? place.schema["prefixItems"].length : 0;
    return (found) => eachItem(found, first, Number.POSITIVE_INFINITY, () => check);
  },
  contains: (value, place) => {
    const check = place.sub(value);
    const { minContains = 1, maxContains } = place.schema;
    const min = count(minContains, place);
    const max = maxContains === undefined ? Number.POSITIVE_INFINITY : count(maxContains, place);
    return (found) => {
      if (!Array.isArray(found)) return undefined;
      const right = found.filter((item) => check(item) === undefined).length;
      return right >= min && right <= max ? undefined : " does not contain as many items as are asked for";
    };
  },

  minProperties: size(members, least, "has fewer properties than"),
  maxProperties: size(members, most, "has more properties than"),
  required: (value, place) => {
    const wanted = names(value, place);
    return (found) => {
      if (!isObject(found)) return undefined;
      const missing = wanted.find((name) => !Object.hasOwn(found, name));
      return missing === undefined ? undefined : `${below(missing, "")} is missing`;
    };
  },
  properties: (value, place) => {
    const checks = new Map(map(value, place).map(([name, schema]) => [name, place.sub(schema, name)]));
    return (found) => eachMember(found, (name) => checks.get(name));
  },
  patternProperties: (value, place) => {
    const checks = map(value, place).map(
      ([text, schema]) =>
        [expression(text, { path: [...place.path, text] }), place.sub(schema, text)] as const,
    );
    return (found) => {
      for (const [wanted, check] of checks) {
        const problem = eachMember(found, (name) => (wanted.test(name) ? check : undefined));
        if (problem !== undefined) return problem;
      }
      return undefined;
    };
  },
  additionalProperties: (value, place) => {
    const check = place.sub(value);
    const { properties = {}, patternProperties = {} } = place.schema;
    const known = new Set(Object.keys(properties as object));
    const patterns = Object.keys(patternProperties as object).map((text) => expression(text, place));
    return (found) =>
      eachMember(found, (name) =>
        known.has(name) || patterns.some((pattern) => pattern.test(name)) ? undefined : check,
      );
  },
  propertyNames: (value, place) => {
    const check = place.sub(value);
    return (found) => {
      for (const name of isObject(found) ? Object.keys(found) : []) {
        const problem = check(name);
        if (problem !== undefined) return below(name, " is a name that is not allowed");
      }
      return undefined;
    };
  },
  dependentRequired: (value, place) => {
    const wanted = map(value, place).map(([name, others]) => [name, names(others, place)] as const);
    return (found) => {
      if (!isObject(found)) return undefined;
      for (const [name, others] of wanted) {
        const missing = Object.hasOwn(found, name) && others.find((other) => !Object.hasOwn(found, other));
        if (typeof missing === "string") return `${below(missing, "")} is missing`;
      }
      return undefined;
    };
  },
  dependentSchemas: (value, place) => {
    const checks = map(value, place).map(([name, schema]) => [name, place.sub(schema, name)] as const);
    return (found) => {
      if (!isObject(found)) return undefined;
      for (const [name, check] of checks) {
        const problem = Object.hasOwn(found, name) ? check(found) : undefined;
        if (problem !== undefined) return problem;
      }
      return undefined;
    };
  },

  $ref: (value, place) => place.refer(String(value)),
  allOf: (value, place) => {
    const checks = schemas(value, place);
    return (found) => {
      for (const check of checks) {
        const problem = check(found);
        if (problem !== undefined) return problem;
      }
      return undefined;
    };
  },
  anyOf: (value, place) => {
    const checks = schemas(value, place);
    return (found) =>
      checks.some((check) => check(found) === undefined) ? undefined : " is none of what it may be";
  },
  oneOf: (value, place) => {
    const checks = schemas(value, place);
    return (found) =>
      checks.filter((check) => check(found) === undefined).length === 1
        ? undefined
        : " is not exactly one of what it may be";
  },
  not: (value, place) => {
    const check = place.sub(value);
    return (found) => (check(found) === undefined ? " is what it must not be" : undefined);
  },
  if: (value, place) => {
    const check = place.sub(value);
    const { then = true, else: otherwise = true } = place.schema;
    const right = place.sub(then);
    const wrong = place.sub(otherwise);
    return (found) => (check(found) === undefined ? right : wrong)(found);
  },
};

function eachItem(
  found: unknown,
  first: number,
  end: number,
  checkOf: (at: number) => SchemaCheck,
): string | undefined {
  if (!Array.isArray(found)) return undefined;
  for (let at = first; at < Math.min(end, found.length); at++) {
    const problem = checkOf(at)(found[at]);
    if (problem !== undefined) return below(at, problem);
  }
  return undefined;
}

function eachMember(found: unknown, checkOf: (name: string) => SchemaCheck | undefined): string | undefined {
  if (!isObject(found)) return undefined;
  for (const name of Object.keys(found)) {
    const problem = checkOf(name)?.(found[name]);
    if (problem !== undefined) return below(name, problem);
  }
  return undefined;
}
