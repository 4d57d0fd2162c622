import assert from "node:assert/strict";
import { test } from "node:test";
import { compileJsonSchema, type JsonSchema } from "./json-schema.ts";
import { SchemaError } from "./json-schema-error.ts";

const DRAFT_07 = "http://json-schema.org/draft-07/schema#";
/** Apart, since what has a member of that name is no plain object to everybody. */
const THEN = "then";

test("what does not say anything that is known is refused, with its place", () => {
  const cases: readonly [schema: unknown, path: string, reason: RegExp][] = [
    [{ tpye: "string" }, "tpye", /not known here/],
    [{ properties: { a: { minlength: 1 } } }, "properties.a.minlength", /not known here/],
    [{ type: "text" }, "type", /one of array, boolean/],
    [{ type: [] }, "type", /one of array, boolean/],
    [{ format: "phone" }, "format", /not a format/],
    [{ pattern: "(" }, "pattern", /not a regular expression/],
    [{ patternProperties: { "(": true } }, "patternProperties.(", /not a regular expression/],
    [{ minimum: "1" }, "minimum", /must be number/],
    [{ exclusiveMinimum: true }, "exclusiveMinimum", /must be number/],
    [{ minLength: -1 }, "minLength", /must be >= 0/],
    [{ required: "a" }, "required", /must be array/],
    [{ required: [1] }, "required.0", /must be string/],
    [{ enum: 1 }, "enum", /must be array/],
    [{ anyOf: [] }, "anyOf", /fewer than 1 items/],
    [{ properties: [] }, "properties", /must be object/],
    [{ items: [{}] }, "items", /not a JSON Schema/],
    [{ not: 1 }, "not", /not a JSON Schema/],
    [{ $ref: "#/$defs/none" }, "$ref", /leads nowhere/],
    [{ $ref: "https://a.example/schema" }, "$ref", /leads nowhere/],
    [{ $ref: "#anchor" }, "$ref", /leads nowhere/],
    [{ $defs: { unused: { typ: 1 } } }, "$defs.unused.typ", /not known here/],
    [{ properties: { a: { items: { $ref: "#/x" } } } }, "properties.a.items.$ref", /leads nowhere/],
    [{ $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/a" } } }, "", /refers to itself alone/],
    [{ $ref: "#/default", default: { typ: 1 } }, "", /unknown keyword: "typ"/],
    [{ if: true, else: true }, "", /must have property then/],
    [{ items: { unevaluatedItems: false } }, "items.unevaluatedItems", /is not taken/],
    [{ $schema: DRAFT_07, contentEncoding: "base64" }, "contentEncoding", /is not taken/],
    [{ $dynamicRef: "#" }, "$dynamicRef", /is not taken/],
    [
      { $schema: DRAFT_07, $ref: "#/definitions/a", type: "null", definitions: { a: true } },
      "type",
      /one of/,
    ],
    [{ maxContains: 1 }, "", /must have property contains/],
    [{ pattern: "\\-" }, "pattern", /not a regular expression/],
    [{ allOf: [true, { nullable: true }] }, "allOf.1.nullable", /not known here/],
    [{ $async: true }, "$async", /not known here/],
    [{ $schema: "http://json-schema.org/draft-04/schema#" }, "$schema", /not a draft/],
    [{ not: { $schema: "http://json-schema.org/draft-07/schema#" } }, "not.$schema", /2020-12/],
    [{ $schema: DRAFT_07, prefixItems: [true] }, "prefixItems", /not known here/],
    [{ $schema: DRAFT_07, properties: { a: { format: "phone" } } }, "properties.a.format", /not a format/],
    [{ $schema: DRAFT_07, items: { pattern: "(" } }, "items.pattern", /not a regular expression/],
    [{ $schema: DRAFT_07, [THEN]: true }, "", /must have property if/],
    [JSON.parse('{"properties":{"__proto__":true}}'), "properties.__proto__", /no name that/],
    [JSON.parse(`${'{"not":'.repeat(200)}{}${"}".repeat(200)}`), "", /nested too deeply/],
    [7, "", /not a JSON Schema/],
    [null, "", /not a JSON Schema/],
  ];
  for (const [schema, path, reason] of cases)
    assert.throws(
      () => compileJsonSchema(schema as JsonSchema),
      (error) => error instanceof SchemaError && error.path.join(".") === path && reason.test(error.message),
      JSON.stringify(schema),
    );
});

test("schemas in schemas are looked at wherever they stand", () => {
  const bad = { typ: "string" };
  for (const keyword of ["items", "contains", "not", "additionalProperties", "propertyNames"])
    for (const draft of [undefined, DRAFT_07]) refuses({ ...schemaOf(draft), [keyword]: bad }, keyword);
  for (const keyword of ["allOf", "anyOf", "oneOf"])
    for (const draft of [undefined, DRAFT_07])
      refuses({ ...schemaOf(draft), [keyword]: [true, bad] }, `${keyword}.1`);
  for (const keyword of ["properties", "patternProperties", "definitions", "dependencies"])
    for (const draft of [undefined, DRAFT_07])
      refuses({ ...schemaOf(draft), [keyword]: { a: bad } }, `${keyword}.a`);
  for (const keyword of ["$defs", "dependentSchemas"]) refuses({ [keyword]: { a: bad } }, `${keyword}.a`);
  for (const keyword of ["unevaluatedProperties", "contentSchema"]) refuses({ [keyword]: bad }, keyword);
  refuses({ prefixItems: [bad] }, "prefixItems.0");
  refuses({ $schema: DRAFT_07, items: [bad] }, "items.0");
  for (const keyword of ["if", THEN, "else"])
    refuses({ if: true, [THEN]: true, else: true, [keyword]: bad }, keyword);

  function schemaOf(draft: string | undefined): object {
    return draft === undefined ? {} : { $schema: draft };
  }

  function refuses(schema: object, path: string): void {
    assert.throws(
      () => compileJsonSchema({ ...schema }),
      (error) => error instanceof SchemaError && error.path.join(".") === `${path}.typ`,
      JSON.stringify(schema),
    );
  }
});
