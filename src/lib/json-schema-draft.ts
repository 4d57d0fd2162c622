import { createRequire } from "node:module";
import type { Ajv, ErrorObject, Format, Options } from "ajv";

/** Where and how a value breaks a schema, as the library says it. */
export type SchemaBreach = ErrorObject;

/** One draft of JSON Schema. */
export interface SchemaDraft {
  /** A new instance of the library: what it compiles is kept by itself alone, and goes with it. */
  create(options: Options): Ajv;
  /** What is wrong with a schema by the draft's own schema, with nothing beside what it knows: undefined for nothing. */
  breaches(schema: unknown): readonly SchemaBreach[] | undefined;
}

/** Formats of `format` that are checked, by their names. */
export const SCHEMA_FORMATS: readonly string[] = (
  "date time date-time duration email hostname ipv4 ipv6 " +
  "json-pointer relative-json-pointer regex uri uri-reference uri-template uuid"
).split(" ");

/** What `$schema` may be, with or without an empty fragment. */
export const SCHEMA_DRAFTS: readonly string[] = [
  "https://json-schema.org/draft/2020-12/schema",
  "http://json-schema.org/draft-07/schema",
];

/**
 * What a keyword needs beside it: those that say nothing alone, and `then`, without which the library takes what `if` looked at
 * for evaluated where it does not hold.
 */
const NEEDS: Readonly<Record<string, readonly string[]>> = Object.fromEntries([
  ["if", ["then"]],
  ...["then", "else"].map((name) => [name, ["if"]] as const),
  ...["minContains", "maxContains"].map((name) => [name, ["contains"]] as const),
]);

/** Keywords of 2020-12 that the library takes, but does not follow in every case of the draft's own tests. */
const UNSAFE = "$dynamicAnchor $dynamicRef $recursiveAnchor $recursiveRef $vocabulary unevaluatedItems".split(
  " ",
);

/** What may stand beside `$ref` in draft-07, which passes over all else there. */
const BESIDE_REF = "$ref $schema $comment definitions title description default examples readOnly writeOnly";

const drafts = new Map<string, SchemaDraft>();

/** The draft of a `$schema` (default: 2020-12); undefined for one that is not known. Loads the library. */
export function draftOf(uri: unknown = SCHEMA_DRAFTS[0]): SchemaDraft | undefined {
  const name = SCHEMA_DRAFTS.find((known) => known === uri || `${known}#` === uri);
  if (name === undefined) return undefined;
  const known = drafts.get(name) ?? (name === SCHEMA_DRAFTS[0] ? draft2020(name) : draft07(name));
  drafts.set(name, known);
  return known;
}

function draft2020(uri: string): SchemaDraft {
  const { Ajv2020 } = load<typeof import("ajv/dist/2020.js")>("ajv/dist/2020");
  return draft((options) => new Ajv2020(options), {
    ...{ $id: "torana:2020-12", $dynamicAnchor: "meta", $ref: uri },
    properties: Object.fromEntries(UNSAFE.map((keyword) => [keyword, false])),
    ...{ allOf: [stricter(uri, NEEDS)], unevaluatedProperties: false },
  });
}

function draft07(uri: string): SchemaDraft {
  const { Ajv } = load<typeof import("ajv")>("ajv");
  const written = load<{ readonly properties: object }>("ajv/dist/refs/json-schema-draft-07.json");
  return draft((options) => new Ajv(options), {
    ...{ ...written, $id: "torana:draft-07" },
    properties: {
      ...written.properties,
      ...{ writeOnly: { type: "boolean" }, contentEncoding: false, contentMediaType: false },
    },
    allOf: [stricter(uri, { ...NEEDS, $ref: { propertyNames: { enum: BESIDE_REF.split(" ") } } })],
    additionalProperties: false,
  });
}

/** What a schema must keep to beside what its draft asks. */
function stricter(uri: string, dependencies: object): object {
  return {
    properties: {
      $schema: { enum: [uri, `${uri}#`] },
      format: { enum: SCHEMA_FORMATS },
      pattern: { format: "regex" },
      patternProperties: { propertyNames: { format: "regex" } },
    },
    dependencies,
  };
}

function draft(make: (options: Options) => Ajv, strict: object): SchemaDraft {
  const formats = load<typeof import("ajv-formats")>("ajv-formats").default;
  const get = formats.get as (name: string) => Format;
  const create = (options: Options): Ajv => {
    const ajv = make(options);
    // Resolved by the library, but not in its own list of what it knows.
    ajv.addKeyword("$anchor");
    for (const name of SCHEMA_FORMATS) ajv.addFormat(name, get(name));
    // The library's own forgets that patterns are Unicode expressions.
    ajv.addFormat("regex", isExpression);
    return ajv;
  };
  const keeps = create({ strict: false, logger: false, ownProperties: true }).compile(strict);
  return { create, breaches: (schema) => (keeps(schema) ? undefined : (keeps.errors ?? [])) };
}

function isExpression(text: string): boolean {
  try {
    return new RegExp(text, "u") instanceof RegExp;
  } catch {
    return false;
  }
}

/** Loaded by the first schema: 45 ms and 2 MB that a config without one does not pay. */
function load<Module>(name: string): Module {
  return createRequire(import.meta.url)(name) as Module;
}
