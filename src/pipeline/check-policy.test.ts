import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { definePolicy, type PolicyDefinition } from "./policy.ts";

const good = {
  name: "good-one",
  phase: "request",
  options: z.strictObject({}),
  reasons: { good_gone: { status: 410, source: "gateway", title: "It is gone." } },
  compile: () => ({}),
};
const reason = { status: 410, source: "gateway", title: "It is gone." };

/** What types would refuse arrives here from a file whose types are stripped. */
const refused: readonly [title: string, change: object, message: RegExp][] = [
  ["a name with capitals", { name: "Good" }, /name is lower case words.*"Good"/],
  ["no name", { name: undefined }, /name is lower case words/],
  ["a misspelt phase, which would never run", { phase: "reqest" }, /phase of good-one is one of .*"reqest"/],
  ["no phase", { phase: undefined }, /phase of good-one is one of .*nothing/],
  ["options that are no schema", { options: { header: "x" } }, /options of good-one are a schema/],
  ["no options", { options: undefined }, /options of good-one are a schema/],
  ["no compile", { compile: undefined }, /has no function compile/],
  ["a reason in capitals", { reasons: { Gone: reason } }, /snake_case/],
  ["a reason without a title", { reasons: { gone: { ...reason, title: undefined } } }, /gone has no title/],
  [
    "a reason that is no failure",
    { reasons: { gone: { ...reason, status: 200 } } },
    /from 400 to 599, not 200/,
  ],
  ["a reason that is no gRPC status", { reasons: { gone: { ...reason, grpc: 0 } } }, /from 1 to 16, not 0/],
  ["a reason of no source", { reasons: { gone: { ...reason, source: "us" } } }, /source of the reason gone/],
];

for (const [title, change, message] of refused)
  test(`refuses ${title}`, () => {
    const definition = { ...good, ...change } as unknown as PolicyDefinition;
    assert.throws(() => definePolicy(definition), { name: "RangeError", message });
  });

test("gives the definition itself, frozen", () => {
  const definition = { ...good } as unknown as PolicyDefinition;
  assert.equal(definePolicy(definition), definition);
  assert.ok(Object.isFrozen(definition));
});
