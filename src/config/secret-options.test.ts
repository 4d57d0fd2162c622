import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { configJsonSchema } from "./json-schema.ts";
import { secretsIn } from "./secret-options.ts";

const secret = z.string().meta({ secret: true });

const schema: z.ZodType = z.strictObject({
  plain: z.string(),
  direct: secret.describe("A secret."),
  optional: secret.optional(),
  defaulted: secret.default("other"),
  marked: z
    .string()
    .optional()
    .meta({ secret: true, examples: ["x"] })
    .describe("Also one."),
  list: z.array(secret),
  record: z.record(z.string(), z.strictObject({ inner: secret, open: z.string() })),
  either: z.union([z.strictObject({ file: z.string() }), z.strictObject({ text: secret })]),
  both: z.intersection(z.object({ a: secret }), z.object({ b: z.string() })),
  piped: secret.transform((text) => text.length),
  lazy: z.lazy(() => z.strictObject({ deep: secret })),
  tuple: z.tuple([z.string(), secret]),
  jwk: z.record(z.string(), z.unknown()).meta({ secret: true }),
  number: z.number().meta({ secret: true }),
  url: z.string().meta({ secret: "url" }),
});

function found(value: object): [string, readonly string[]][] {
  return secretsIn(schema, value).map(({ path, texts }) => [path.join("."), texts]);
}

test("secrets are found wherever a schema marks them", () => {
  const value = {
    plain: "open",
    direct: "s1",
    optional: "s2",
    defaulted: "s3",
    marked: "s4",
    list: ["s5", "s6"],
    record: { one: { inner: "s7", open: "open" } },
    either: { text: "s8" },
    both: { a: "s9", b: "open" },
    piped: "s10",
    lazy: { deep: "s11" },
    tuple: ["open", "s12"],
    number: 4711,
  };
  assert.deepEqual(found(value), [
    ["direct", ["s1"]],
    ["optional", ["s2"]],
    ["defaulted", ["s3"]],
    ["marked", ["s4"]],
    ["list.0", ["s5"]],
    ["list.1", ["s6"]],
    ["record.one.inner", ["s7"]],
    ["either.text", ["s8"]],
    ["both.a", ["s9"]],
    ["piped", ["s10"]],
    ["lazy.deep", ["s11"]],
    ["tuple.1", ["s12"]],
    ["number", ["4711"]],
  ]);
});

test("of a secret map only what is long is looked for elsewhere", () => {
  const jwk = { kty: "oct", k: "a long secret text", alg: "HS256" };
  assert.deepEqual(found({ jwk }), [["jwk", ["a long secret text"]]]);
});

test("of a URL its password is secret, and one without is not", () => {
  assert.deepEqual(found({ url: "redis://user:p%40ss@host/0" }), [
    ["url", ["redis://user:p%40ss@host/0", "p%40ss", "p@ss"]],
  ]);
  assert.deepEqual(found({ url: "redis://host/0" }), []);
});

test("what is not as the schema wants it does no harm", () => {
  for (const value of [
    { list: "s" },
    { list: { a: "s" } },
    { record: [1] },
    { lazy: null },
    { both: 1 },
    { direct: "" },
  ])
    assert.deepEqual(found(value), []);
  assert.deepEqual(secretsIn(schema, null), []);
});

test("JSON Schema says of what is secret that it is only written", () => {
  const schema = JSON.stringify(
    configJsonSchema([{ name: "mine", options: z.strictObject({ password: secret }) }]),
  );
  assert.match(schema, /"password":\{[^}]*"writeOnly":true/);
  assert.doesNotMatch(schema, /"secret":(?:true|"url")/);
});

test("a schema of another library is let be", () => {
  const other = { safeParse: () => ({ success: true, data: {} }) } as unknown as z.ZodType;
  assert.deepEqual(secretsIn(other, { secret: "s" }), []);
  assert.deepEqual(secretsIn(z.object({ other }), { other: { secret: "s" } }), []);
});

test("a schema that marks nothing is not walked through", () => {
  let asked = 0;
  const loop: z.ZodType = z.lazy(() => z.strictObject({ name: z.string(), below: z.array(loop).optional() }));
  const value = {
    get name(): string {
      asked++;
      return "a";
    },
  };
  assert.deepEqual(secretsIn(loop, value), []);
  assert.equal(asked, 0);
});
