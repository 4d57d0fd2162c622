import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compileJsonSchema, type JsonSchema } from "./json-schema.ts";
import { SchemaError } from "./json-schema-place.ts";

/** A schema, values that keep to it, and values that do not with what is said of them. */
type Case = readonly [
  schema: JsonSchema,
  good: readonly unknown[],
  bad: readonly (readonly [unknown, string])[],
];

/** As text, since what has a member `then` is no plain object to everybody. */
const CONDITIONAL: JsonSchema = JSON.parse(
  '{"if":{"properties":{"kind":{"const":"a"}}},"then":{"required":["x"]},"else":{"required":["y"]}}',
);

const CASES: Readonly<Record<string, readonly Case[]>> = {
  "true and false": [
    [true, [null, 1, {}], []],
    [{}, [null, 1, {}], []],
    [false, [], [[null, "is not allowed"]]],
  ],
  type: [
    [{ type: "string" }, ["", "a"], [[1, "is not of the type string"]]],
    [
      { type: "integer" },
      [0, 1, 1e20, -3],
      [
        [1.5, "is not of the type integer"],
        ["1", "is not of the type integer"],
      ],
    ],
    [
      { type: "number" },
      [0, 1.5],
      [
        ["1", "is not of the type number"],
        [null, "is not of the type number"],
      ],
    ],
    [
      { type: "object" },
      [{}],
      [
        [[], "is not of the type object"],
        [null, "is not of the type object"],
      ],
    ],
    [{ type: "array" }, [[]], [[{}, "is not of the type array"]]],
    [{ type: ["null", "boolean"] }, [null, false], [[0, "is not of the type null or boolean"]]],
  ],
  "enum and const": [
    [
      { enum: [1, "a", null, { b: [1, 2], a: 0 }] },
      [1, "a", null, { a: 0, b: [1, 2] }],
      [
        ["1", "is none of the values that are known"],
        [{ a: 0, b: [2, 1] }, "is none of the values that are known"],
      ],
    ],
    [{ const: { a: 1 } }, [{ a: 1 }], [[{ a: 1, b: 2 }, "is not the value that is asked for"]]],
    [{ const: 0 }, [0, -0], [[false, "is not the value that is asked for"]]],
  ],
  numbers: [
    [
      { minimum: 1, maximum: 3 },
      [1, 3, "x"],
      [
        [0, "is less than 1"],
        [4, "is more than 3"],
      ],
    ],
    [
      { exclusiveMinimum: 1, exclusiveMaximum: 3 },
      [2],
      [
        [1, "is not more than 1"],
        [3, "is not less than 3"],
      ],
    ],
    [{ multipleOf: 0.5 }, [1.5, 0], [[1.25, "is not a multiple of 0.5"]]],
  ],
  texts: [
    [
      { minLength: 2, maxLength: 3 },
      ["ab", "😀😀😀", 1],
      [
        ["😀", "has fewer characters than 2"],
        ["abcd", "has more characters than 3"],
      ],
    ],
    [{ pattern: "b+" }, ["abc", 7], [["ac", "does not match its pattern"]]],
    [{ pattern: "^\\p{Lu}$" }, ["Ä"], [["ä", "does not match its pattern"]]],
  ],
  formats: [
    [
      { format: "date" },
      ["2024-02-29", 5],
      [
        ["2023-02-29", "is not a date"],
        ["2024-13-01", "is not a date"],
      ],
    ],
    [
      { format: "time" },
      ["23:59:60Z", "00:00:00.5+02:00"],
      [
        ["24:00:00Z", "is not a time"],
        ["12:00", "is not a time"],
      ],
    ],
    [
      { format: "date-time" },
      ["1985-04-12T23:20:50.52Z"],
      [
        ["1985-04-12 23:20:50Z", "is not a date-time"],
        ["1985-02-30T00:00:00Z", "is not a date-time"],
      ],
    ],
    [
      { format: "email" },
      ["a.b@c.example"],
      [
        ["a@", "is not a email"],
        ["a b@c", "is not a email"],
      ],
    ],
    [{ format: "hostname" }, ["a-b.example"], [["-a.example", "is not a hostname"]]],
    [{ format: "ipv4" }, ["10.0.0.1"], [["10.0.0.256", "is not a ipv4"]]],
    [{ format: "ipv6" }, ["::1"], [["10.0.0.1", "is not a ipv6"]]],
    [{ format: "uri" }, ["https://a.example/b?c"], [["/b", "is not a uri"]]],
    [{ format: "uuid" }, ["2eb8aa08-aa98-11ea-b4aa-73b441d16380"], [["2eb8aa08", "is not a uuid"]]],
  ],
  arrays: [
    [
      { minItems: 1, maxItems: 2 },
      [[1], {}],
      [
        [[], "has fewer items than 1"],
        [[1, 2, 3], "has more items than 2"],
      ],
    ],
    [
      { prefixItems: [{ type: "string" }], items: { type: "number" } },
      [[], ["a"], ["a", 1, 2]],
      [
        [[1], "/0 is not of the type string"],
        [["a", 1, "b"], "/2 is not of the type number"],
      ],
    ],
    [{ items: false }, [[]], [[[1], "/0 is not allowed"]]],
    [
      { uniqueItems: true },
      [[1, "1", [1], { a: 1, b: 2 }]],
      [
        [[1, 2, 1], "has an item twice"],
        [
          [
            { a: 1, b: 2 },
            { b: 2, a: 1 },
          ],
          "has an item twice",
        ],
      ],
    ],
    [
      { contains: { type: "number" }, minContains: 2, maxContains: 3 },
      [[1, "a", 2]],
      [
        [[1, "a"], "does not contain as many items as are asked for"],
        [[1, 2, 3, 4], "does not contain as many items as are asked for"],
      ],
    ],
  ],
  objects: [
    [
      { properties: { a: { type: "number" } }, required: ["a"] },
      [{ a: 1, b: 2 }, []],
      [
        [{ a: "1" }, "/a is not of the type number"],
        [{ b: 1 }, "/a is missing"],
      ],
    ],
    [
      {
        properties: { a: true },
        patternProperties: { "^x-": { type: "string" } },
        additionalProperties: false,
      },
      [{ a: 1, "x-b": "c" }],
      [
        [{ b: 1 }, "/b is not allowed"],
        [{ "x-b": 1 }, "/x-b is not of the type string"],
      ],
    ],
    [
      { additionalProperties: { type: "null" } },
      [{ a: null }],
      [[{ "a/~": 1 }, "/a~1~0 is not of the type null"]],
    ],
    [{ propertyNames: { maxLength: 2 } }, [{ ab: 1 }], [[{ abc: 1 }, "/abc is a name that is not allowed"]]],
    [
      { minProperties: 1, maxProperties: 2 },
      [{ a: 1 }],
      [
        [{}, "has fewer properties than 1"],
        [{ a: 1, b: 2, c: 3 }, "has more properties than 2"],
      ],
    ],
    [
      { dependentRequired: { card: ["name"] } },
      [{}, { card: 1, name: 2 }],
      [[{ card: 1 }, "/name is missing"]],
    ],
    [
      { dependentSchemas: { card: { properties: { name: { type: "string" } } } } },
      [{ name: 1 }, { card: 1, name: "a" }],
      [[{ card: 1, name: 1 }, "/name is not of the type string"]],
    ],
  ],
  several: [
    [
      { allOf: [{ minimum: 1 }, { maximum: 2 }] },
      [1],
      [
        [0, "is less than 1"],
        [3, "is more than 2"],
      ],
    ],
    [{ anyOf: [{ type: "string" }, { minimum: 5 }] }, ["a", 5], [[1, "is none of what it may be"]]],
    [
      { oneOf: [{ multipleOf: 2 }, { multipleOf: 3 }] },
      [2, 3],
      [
        [6, "is not exactly one of what it may be"],
        [1, "is not exactly one of what it may be"],
      ],
    ],
    [{ not: { type: "string" } }, [1], [["a", "is what it must not be"]]],
    [
      CONDITIONAL,
      [
        { kind: "a", x: 1 },
        { kind: "b", y: 1 },
      ],
      [
        [{ kind: "a" }, "/x is missing"],
        [{ kind: "b" }, "/y is missing"],
      ],
    ],
  ],
  references: [
    [
      {
        $ref: "#/$defs/tree",
        $defs: {
          tree: { type: "object", properties: { "a/b": { $ref: "#" }, next: { $ref: "#/$defs/tree" } } },
        },
      },
      [{ next: { next: {} } }],
      [[{ next: { next: 1 } }, "/next/next is not of the type object"]],
    ],
    [
      {
        properties: {
          a: { type: "string" },
          b: { $ref: "#/properties/a" },
          "c~/d": { const: 1 },
          e: { $ref: "#/properties/c~0~1d", minimum: 2 },
        },
      },
      [{ a: "x", b: "y" }],
      [
        [{ b: 1 }, "/b is not of the type string"],
        [{ e: 1 }, "/e is less than 2"],
      ],
    ],
    [{ $ref: "#" }, [], [[1, "is nested too deeply"]]],
  ],
};

for (const [what, cases] of Object.entries(CASES))
  describe(what, () => {
    for (const [schema, good, bad] of cases)
      test(JSON.stringify(schema), () => {
        const check = compileJsonSchema(schema);
        for (const value of good) assert.equal(check(value), undefined, JSON.stringify(value));
        for (const [value, problem] of bad) assert.equal(check(value), problem, JSON.stringify(value));
      });
  });

test("a property of every name is looked at, also of those that JavaScript has uses for", () => {
  const check = compileJsonSchema({ additionalProperties: false, properties: { a: true } });
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"])
    assert.equal(check(JSON.parse(`{"${name}":1}`)), `/${name} is not allowed`);
  const required = compileJsonSchema({ required: ["constructor"] });
  assert.equal(required({}), "/constructor is missing");
  const own = compileJsonSchema(JSON.parse('{"properties":{"__proto__":{"type":"null"}}}'));
  assert.equal(own(JSON.parse('{"__proto__":1}')), "/__proto__ is not of the type null");
});

test("a value that is nested without end is refused, not a fault", () => {
  const check = compileJsonSchema({ items: { $ref: "#" } });
  assert.equal(check(JSON.parse("[".repeat(200_000) + "]".repeat(200_000))), "is nested too deeply");
});

test("100,000 different items are compared in one go", () => {
  const check = compileJsonSchema({ uniqueItems: true });
  assert.equal(check(Array.from({ length: 100_000 }, (_, nth) => ({ nth }))), undefined);
});

test("what does not say anything that is known is refused, with its place", () => {
  const cases: readonly [schema: unknown, path: string, reason: RegExp][] = [
    [{ tpye: "string" }, "tpye", /not known here/],
    [{ $id: "https://a.example" }, "$id", /not known here/],
    [{ unevaluatedProperties: false }, "unevaluatedProperties", /not known here/],
    [{ properties: { a: { minlength: 1 } } }, "properties.a.minlength", /not known here/],
    [{ type: "text" }, "type", /not a type/],
    [{ type: [] }, "type", /not a type/],
    [{ format: "phone" }, "format", /not a format/],
    [{ pattern: "(" }, "pattern", /not a regular expression/],
    [{ patternProperties: { "(": true } }, "patternProperties.(", /not a regular expression/],
    [{ minimum: "1" }, "minimum", /not a number/],
    [{ exclusiveMinimum: true }, "exclusiveMinimum", /not a number/],
    [{ minLength: -1 }, "minLength", /not a number of things/],
    [{ required: "a" }, "required", /not a list/],
    [{ required: [1] }, "required", /not a list of names/],
    [{ enum: 1 }, "enum", /not a list/],
    [{ anyOf: [] }, "anyOf", /empty list/],
    [{ properties: [] }, "properties", /not an object/],
    [{ items: [{}] }, "items", /not a JSON Schema/],
    [{ not: 1 }, "not", /not a JSON Schema/],
    [{ $ref: "#/$defs/none" }, "$ref", /leads nowhere/],
    [{ $ref: "https://a.example/schema" }, "$ref", /leads nowhere/],
    [{ $ref: "#anchor" }, "$ref", /leads nowhere/],
    [{ $defs: { unused: { typ: 1 } } }, "$defs.unused.typ", /not known here/],
    [7, "", /not a JSON Schema/],
  ];
  for (const [schema, path, reason] of cases)
    assert.throws(
      () => compileJsonSchema(schema as JsonSchema),
      (error) => error instanceof SchemaError && error.path.join(".") === path && reason.test(error.message),
      JSON.stringify(schema),
    );
});
