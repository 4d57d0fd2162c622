import assert from "node:assert/strict";
import { test } from "node:test";
import { Fields } from "../lib/fields.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { testClock } from "../testing/messages.ts";
import { compileDecisionKey, type Decision, DecisionCache } from "./decision-cache.ts";

const YES: Decision = { allowed: true, shareable: true };
const CONFIG = { for: 1_000, negative: 100, max: 4 };

function exchange(pairs: readonly (readonly [string, string])[], more: object = {}): Exchange {
  const request = {
    method: "GET",
    path: "/",
    query: "",
    authority: "A.example",
    fields: Fields.from(pairs),
    ...more,
  };
  return { request, clientAddress: "192.0.2.1", consumer: undefined } as unknown as Exchange;
}

test("keys differ where a part differs, and show none of it", () => {
  const keyOf = compileDecisionKey(["x-a", "x-b", "path", "consumer"]);
  const keys = [
    keyOf(exchange([])),
    keyOf(exchange([["x-a", ""]])),
    keyOf(exchange([["x-b", ""]])),
    keyOf(
      exchange([
        ["x-a", "1"],
        ["x-b", "2"],
      ]),
    ),
    keyOf(exchange([["x-a", "12"]])),
    keyOf(
      exchange([
        ["x-a", "1"],
        ["x-a", "2"],
      ]),
    ),
    keyOf(exchange([["x-a", "1, 2"]])),
    keyOf(exchange([["x-a", "1;21;2"]])),
    keyOf(exchange([["x-a", "1;11;2"]])),
    keyOf(exchange([], { path: "/x" })),
  ];
  assert.equal(new Set(keys).size, keys.length);
  for (const key of keys) assert.match(key, /^[\w-]{43}$/);
  assert.equal(
    keyOf(exchange([["X-A", "1"]])),
    keyOf(
      exchange([
        ["x-a", "1"],
        ["x-c", "1"],
      ]),
    ),
  );
});

test("parts are known however they are written, and fields that are called like them are not parts", () => {
  const [get, put] = [exchange([["method", "a"]]), exchange([["method", "a"]], { method: "PUT" })];
  const byPart = compileDecisionKey(["Method"]);
  assert.notEqual(byPart(get), byPart(put));
  const byField = compileDecisionKey([], ["method"]);
  assert.equal(byField(get), byField(put));
  assert.notEqual(byField(get), byField(exchange([["method", "b"]])));
});

test("the host is the same however it is written", () => {
  const keyOf = compileDecisionKey(["host"]);
  assert.equal(keyOf(exchange([], { authority: "a.EXAMPLE" })), keyOf(exchange([])));
});

test("it holds no more than it may", async () => {
  const cache = new DecisionCache(CONFIG, testClock());
  for (let i = 0; i < 100; i++) await cache.decide(`${i}`, async () => YES);
  assert.ok(cache.size <= 2 * CONFIG.max);
  cache.close();
  assert.equal(cache.size, 0);
});

test("who waits for a question that fails learns that, and the next one asks again", async () => {
  const cache = new DecisionCache(CONFIG, testClock());
  let asked = 0;
  const ask = async (): Promise<Decision> => {
    asked++;
    throw new Error("down");
  };
  const both = await Promise.allSettled([cache.decide("a", ask), cache.decide("a", ask)]);
  assert.deepEqual([both.map(({ status }) => status), asked], [["rejected", "rejected"], 1]);
  assert.equal(await cache.decide("a", async () => YES), YES);
});

test("a refusal is not remembered where its time is nothing", async () => {
  const cache = new DecisionCache({ ...CONFIG, negative: 0 }, testClock());
  let asked = 0;
  const ask = async (): Promise<Decision> => {
    asked++;
    return { allowed: false, shareable: true };
  };
  await cache.decide("a", ask);
  await cache.decide("a", ask);
  assert.equal(asked, 2);
});
