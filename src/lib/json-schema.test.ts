import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { compileJsonSchema, compileSchema, type JsonSchema } from "./json-schema.ts";

/** A schema, values that keep to it, and values that do not with what is said of them. */
type Case = readonly [
  schema: JsonSchema,
  good: readonly unknown[],
  bad: readonly (readonly [unknown, string])[],
];

const DRAFT_07 = "http://json-schema.org/draft-07/schema#";
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
    [{ type: "string" }, ["", "a"], [[1, "must be string"]]],
    [
      { type: "integer" },
      [0, 1, 1e20, -3],
      [
        [1.5, "must be integer"],
        ["1", "must be integer"],
      ],
    ],
    [
      { type: "number" },
      [0, 1.5],
      [
        ["1", "must be number"],
        [null, "must be number"],
      ],
    ],
    [
      { type: "object" },
      [{}],
      [
        [[], "must be object"],
        [null, "must be object"],
      ],
    ],
    [{ type: "array" }, [[]], [[{}, "must be array"]]],
    [{ type: ["null", "boolean"] }, [null, false], [[0, "must be null,boolean"]]],
  ],
  "enum and const": [
    [
      { enum: [1, "a", null, { b: [1, 2], a: 0 }] },
      [1, "a", null, { a: 0, b: [1, 2] }],
      [
        ["1", "must be equal to one of the allowed values"],
        [{ a: 0, b: [2, 1] }, "must be equal to one of the allowed values"],
      ],
    ],
    [{ const: { a: 1 } }, [{ a: 1 }], [[{ a: 1, b: 2 }, "must be equal to constant"]]],
    [{ const: 0 }, [0, -0], [[false, "must be equal to constant"]]],
  ],
  numbers: [
    [
      { minimum: 1, maximum: 3 },
      [1, 3, "x"],
      [
        [0, "must be >= 1"],
        [4, "must be <= 3"],
      ],
    ],
    [
      { exclusiveMinimum: 1, exclusiveMaximum: 3 },
      [2],
      [
        [1, "must be > 1"],
        [3, "must be < 3"],
      ],
    ],
    [{ multipleOf: 0.5 }, [1.5, 0], [[1.25, "must be multiple of 0.5"]]],
  ],
  texts: [
    [
      { minLength: 2, maxLength: 3 },
      ["ab", "😀😀😀", 1],
      [
        ["😀", "must NOT have fewer than 2 characters"],
        ["abcd", "must NOT have more than 3 characters"],
      ],
    ],
    [{ pattern: "b+" }, ["abc", 7], [["ac", 'must match pattern "b+"']]],
    [{ pattern: "^\\p{Lu}$" }, ["Ä"], [["ä", 'must match pattern "^\\p{Lu}$"']]],
  ],
  formats: [
    [
      { format: "date" },
      ["2024-02-29", 5],
      [
        ["2023-02-29", 'must match format "date"'],
        ["2024-13-01", 'must match format "date"'],
      ],
    ],
    [
      { format: "time" },
      ["23:59:60Z", "00:00:00.5+02:00"],
      [
        ["24:00:00Z", 'must match format "time"'],
        ["12:00", 'must match format "time"'],
      ],
    ],
    [
      { format: "date-time" },
      ["1985-04-12T23:20:50.52Z"],
      [["1985-02-30T00:00:00Z", 'must match format "date-time"']],
    ],
    [
      { format: "email" },
      ["a.b@c.example"],
      [
        ["a@", 'must match format "email"'],
        ["a b@c", 'must match format "email"'],
      ],
    ],
    [{ format: "hostname" }, ["a-b.example"], [["-a.example", 'must match format "hostname"']]],
    [{ format: "ipv4" }, ["10.0.0.1"], [["10.0.0.256", 'must match format "ipv4"']]],
    [{ format: "ipv6" }, ["::1"], [["10.0.0.1", 'must match format "ipv6"']]],
    [{ format: "uri" }, ["https://a.example/b?c"], [["/b", 'must match format "uri"']]],
    [
      { format: "uuid" },
      ["2eb8aa08-aa98-11ea-b4aa-73b441d16380"],
      [["2eb8aa08", 'must match format "uuid"']],
    ],
  ],
  arrays: [
    [
      { minItems: 1, maxItems: 2 },
      [[1], {}],
      [
        [[], "must NOT have fewer than 1 items"],
        [[1, 2, 3], "must NOT have more than 2 items"],
      ],
    ],
    [
      { prefixItems: [{ type: "string" }], items: { type: "number" } },
      [[], ["a"], ["a", 1, 2]],
      [
        [[1], "/0 must be string"],
        [["a", 1, "b"], "/2 must be number"],
      ],
    ],
    [{ items: false }, [[]], [[[1], "/0 is not allowed"]]],
    [
      { uniqueItems: true },
      [[1, "1", [1], { a: 1, b: 2 }]],
      [
        [[1, 2, 1], "must NOT have duplicate items"],
        [
          [
            { a: 1, b: 2 },
            { b: 2, a: 1 },
          ],
          "must NOT have duplicate items",
        ],
      ],
    ],
    [
      { contains: { type: "number" }, minContains: 2, maxContains: 3 },
      [[1, "a", 2]],
      [
        [[1, "a"], "must contain at least 2 and no more than 3 valid item(s)"],
        [[1, 2, 3, 4], "must contain at least 2 and no more than 3 valid item(s)"],
      ],
    ],
  ],
  objects: [
    [
      { properties: { a: { type: "number" } }, required: ["a"] },
      [{ a: 1, b: 2 }, []],
      [
        [{ a: "1" }, "/a must be number"],
        [{ b: 1 }, "must have required property 'a'"],
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
        [{ "x-b": 1 }, "/x-b must be string"],
      ],
    ],
    [{ additionalProperties: { type: "null" } }, [{ a: null }], [[{ "a/~": 1 }, "/a~1~0 must be null"]]],
    [{ propertyNames: { maxLength: 2 } }, [{ ab: 1 }], [[{ abc: 1 }, "/abc has a name that is not allowed"]]],
    [
      { minProperties: 1, maxProperties: 2 },
      [{ a: 1 }],
      [
        [{}, "must NOT have fewer than 1 properties"],
        [{ a: 1, b: 2, c: 3 }, "must NOT have more than 2 properties"],
      ],
    ],
    [
      { dependentRequired: { card: ["name"] } },
      [{}, { card: 1, name: 2 }],
      [[{ card: 1 }, "must have property name when property card is present"]],
    ],
    [
      { dependentSchemas: { card: { properties: { name: { type: "string" } } } } },
      [{ name: 1 }, { card: 1, name: "a" }],
      [[{ card: 1, name: 1 }, "/name must be string"]],
    ],
  ],
  several: [
    [
      { allOf: [{ minimum: 1 }, { maximum: 2 }] },
      [1],
      [
        [0, "must be >= 1"],
        [3, "must be <= 2"],
      ],
    ],
    [{ anyOf: [{ type: "string" }, { minimum: 5 }] }, ["a", 5], [[1, "must match a schema in anyOf"]]],
    [
      { oneOf: [{ multipleOf: 2 }, { multipleOf: 3 }] },
      [2, 3],
      [
        [6, "must match exactly one schema in oneOf"],
        [1, "must match exactly one schema in oneOf"],
      ],
    ],
    [{ not: { type: "string" } }, [1], [["a", "must NOT be valid"]]],
    [
      CONDITIONAL,
      [
        { kind: "a", x: 1 },
        { kind: "b", y: 1 },
      ],
      [
        [{ kind: "a" }, "must have required property 'x'"],
        [{ kind: "b" }, "must have required property 'y'"],
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
      [[{ next: { next: 1 } }, "/next/next must be object"]],
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
        [{ b: 1 }, "/b must be string"],
        [{ e: 1 }, "/e must be >= 2"],
      ],
    ],
    [{ $ref: "#" }, [], [[1, "is nested too deeply"]]],
    [
      { $id: "https://a.example/b/", properties: { a: { $ref: "c" } }, $defs: { c: { $id: "c", const: 1 } } },
      [{ a: 1 }],
      [[{ a: 2 }, "/a must be equal to constant"]],
    ],
    [
      { items: { $ref: "#word" }, $defs: { word: { $anchor: "word", type: "string" } } },
      [["a"]],
      [[[1], "/0 must be string"]],
    ],
  ],
  "what is left over": [
    [
      {
        allOf: [{ properties: { a: true } }, { anyOf: [{ required: ["b"], properties: { b: true } }, {}] }],
        unevaluatedProperties: false,
      },
      [{ a: 1 }, { a: 1, b: 2 }],
      [
        [{ a: 1, c: 2 }, "/c is not allowed"],
        [{ "c/": 2 }, "/c~1 is not allowed"],
      ],
    ],
  ],
  "draft-07": [
    [
      { $schema: DRAFT_07, items: [{ type: "string" }], additionalItems: false },
      [["a"], []],
      [
        [[1], "/0 must be string"],
        [["a", 1], "must NOT have more than 1 items"],
      ],
    ],
    [
      {
        $schema: DRAFT_07.slice(0, -1),
        ...{ $ref: "#/definitions/a", definitions: { a: { dependencies: { b: ["c"] }, writeOnly: true } } },
      },
      [{ c: 1 }, { b: 1, c: 1 }],
      [[{ b: 1 }, "must have property c when property b is present"]],
    ],
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
  assert.equal(required({}), "must have required property 'constructor'");
  const own = compileJsonSchema({ properties: { toString: { type: "null" } } });
  assert.equal(own({}), undefined);
  assert.equal(own({ toString: 1 }), "/toString must be null");
});

test("a value that is nested without end is refused, not a fault", () => {
  const check = compileJsonSchema({ items: { $ref: "#" } });
  assert.equal(check(JSON.parse("[".repeat(200_000) + "]".repeat(200_000))), "is nested too deeply");
});

test("100,000 different items are compared in one go", () => {
  const check = compileJsonSchema({ uniqueItems: true });
  assert.equal(check(Array.from({ length: 100_000 }, (_, nth) => ({ nth }))), undefined);
});

test("what only tells of a value is known, and asks for nothing", () => {
  const check = compileJsonSchema({
    ...{ $schema: "https://json-schema.org/draft/2020-12/schema", $comment: "", title: "", description: "" },
    ...{ default: 1, examples: [], deprecated: true, readOnly: true, writeOnly: true },
    ...{ contentEncoding: "base64", contentMediaType: "application/json", contentSchema: false },
  });
  assert.equal(check("?"), undefined);
});

test("a name that every object inherits is not taken for one that was looked at", () => {
  const check = compileJsonSchema({
    anyOf: [{ properties: { a: true } }, { properties: { b: true } }],
    unevaluatedProperties: false,
  });
  assert.equal(check({ a: 1, b: 1 }), undefined);
  for (const name of ["constructor", "toString", "__proto__"])
    assert.equal(check(JSON.parse(`{"a":1,"${name}":1}`)), `must NOT have the name ${name} in it`);
});

test("values are compared, not asked", () => {
  for (const name of ["valueOf", "toString", "constructor"]) {
    const value: object = JSON.parse(`{"${name}":{"a":1}}`);
    assert.equal(compileJsonSchema({ const: {} })(value), "must be equal to constant");
    assert.equal(compileJsonSchema({ enum: [{}, value] })(structuredClone(value)), undefined);
    assert.equal(
      compileJsonSchema({ uniqueItems: true })([value, structuredClone(value)]),
      "must NOT have duplicate items",
    );
  }
});

test("numbers are multiples as they are written in decimals", () => {
  const check = compileJsonSchema({ multipleOf: 0.01 });
  for (const value of [19.99, 0.07, 1e22, -0.03]) assert.equal(check(value), undefined);
  assert.equal(compileJsonSchema({ multipleOf: 0.1 })(1.7e308), "must be multiple of 0.1");
  assert.equal(check(0.075), "must be multiple of 0.01");
});

test("a value is not changed, and defaults are not filled in", () => {
  const check = compileJsonSchema({
    properties: { a: { type: "integer" }, b: { default: 1 } },
    additionalProperties: false,
  });
  const value = { a: "1" };
  assert.equal(check(value), "/a must be integer");
  assert.deepEqual(value, { a: "1" });
  assert.equal(check({ a: 1 }), undefined);
});

test("schemas of one name do not know of each other", () => {
  const [one, two] = [1, 2].map((value) => compileJsonSchema({ $id: "https://a.example", const: value }));
  assert.equal(one!(1), undefined);
  assert.equal(two!(1), "must be equal to constant");
});

describe("several problems", () => {
  const schema: JsonSchema = {
    properties: { a: { type: "string" }, b: { items: { minimum: 1 } } },
    required: ["c"],
  };

  test("are all told where all are asked for", () => {
    const check = compileSchema(schema, true);
    assert.deepEqual(check({ a: "", b: [1], c: 1 }), []);
    assert.deepEqual(
      new Set(check({ a: 1, b: [1, 0] }).map(({ pointer, message }) => `${pointer} ${message}`)),
      new Set([" must have required property 'c'", "/a must be string", "/b/1 must be >= 1"]),
    );
  });

  test("are one where they are not, and where the value is long", () => {
    assert.equal(compileSchema(schema)({ a: 1, b: [0, 0] }).length, 1);
    const check = compileSchema(schema, true);
    assert.equal(check({ b: Array.from({ length: 5_000 }, () => 0) }).length, 100);
    assert.equal(check({ b: Array.from({ length: 50_000 }, () => 0) }).length, 1);
  });
});

test("a schema that is not used any more takes no memory", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const checks = Array.from({ length: 20 }, (_, nth) => {
    const check = compileJsonSchema({ $id: "https://a.example", properties: { a: { const: nth } } });
    assert.equal(check({ a: nth }), undefined);
    return new WeakRef(check);
  });
  await new Promise(setImmediate);
  collect();
  assert.deepEqual(new Set(checks.map((check) => check.deref())), new Set([undefined]));
});
