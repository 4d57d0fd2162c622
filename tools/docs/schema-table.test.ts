import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { z } from "zod";
import { type JsonSchema, rowsOf, tableOf } from "./schema-table.ts";

const rows = (schema: z.ZodType): ReturnType<typeof rowsOf> =>
  rowsOf(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema);

describe("the table of a schema", () => {
  it("says what a key takes, its default and its meaning", () => {
    const found = rows(
      z.strictObject({
        size: z.int().min(1).max(9).default(3).describe("How large."),
        mode: z.enum(["fast", "safe"]).default("safe").describe("How (default safe)."),
        name: z.string().describe("Who."),
        on: z.boolean().optional().describe("Whether."),
      }),
    );
    assert.deepEqual(found, [
      { key: "size", takes: "integer, 1 to 9", standard: "`3`", meaning: "How large." },
      { key: "mode", takes: "`fast`, `safe`", standard: "`safe`", meaning: "How." },
      { key: "name", takes: "text", standard: "**needed**", meaning: "Who." },
      { key: "on", takes: "`true`, `false`", standard: "", meaning: "Whether." },
    ]);
  });

  it("goes down into maps and lists", () => {
    const inner = z.strictObject({ a: z.string().describe("A.") });
    const found = rows(
      z.strictObject({
        one: inner.describe("One."),
        many: z.array(z.strictObject({ a: z.string(), b: z.string() })).describe("Many."),
        either: z.union([z.string(), z.array(z.string())]).describe("Either."),
        named: z.record(z.string(), z.number()).describe("Named."),
      }),
    );
    assert.deepEqual(
      found.map(({ key, takes }) => `${key}: ${takes}`),
      [
        "one: keys below",
        "one.a: text",
        "many: list of the keys below",
        "many[].a: text",
        "many[].b: text",
        "either: text, or a list",
        "named: map of name to number",
      ],
    );
  });

  it("calls a thing by its title", () => {
    const time = z.union([z.string(), z.int()]).meta({ title: "a time" });
    const policy = z.string().meta({ title: "a policy" });
    const found = rows(z.strictObject({ wait: time, all: z.array(policy) }));
    assert.deepEqual(
      found.map(({ takes }) => takes),
      ["time", "list of policies"],
    );
  });

  it("writes Markdown whose signs stay signs", () => {
    const table = tableOf([{ key: "path", takes: "`a` or `b`", standard: "", meaning: "/a/* | *.b" }]);
    assert.equal(table.split("\n").at(-1), "| `path` | `a` or `b` |  | /a/\\* \\| \\*.b |");
  });
});
