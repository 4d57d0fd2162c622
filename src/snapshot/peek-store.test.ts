import assert from "node:assert/strict";
import { test } from "node:test";
import type { LimitDecision, LimitRule } from "../pipeline/limits.ts";
import { createLimitMemory } from "../stores/limit-memory.ts";
import { LocalStore } from "../stores/local-store.ts";
import { peekStore } from "./peek-store.ts";

const RULES: readonly LimitRule[] = [
  { algorithm: "sliding", limit: 3, window: 60_000, burst: 0 },
  { algorithm: "token-bucket", limit: 5, window: 60_000, burst: 9 },
];

test("looking says what a request would meet, and takes nothing", () => {
  const store = new LocalStore(createLimitMemory({ entries: 16, workers: 1 }), 0);
  const real = store.limiter("s", RULES);
  const peek = peekStore(store).limiter("s", RULES);
  const look = (cost: number): LimitDecision => peek.take("a", cost) as LimitDecision;
  for (let i = 0; i < 9; i++) assert.equal(look(3).allowed, true);
  assert.deepEqual([look(4).allowed, look(4).retryAfter], [false, Number.POSITIVE_INFINITY]);
  real.take("a", 2);
  assert.equal(look(1).allowed, true);
  const { allowed, retryAfter } = look(2);
  assert.equal(allowed, false);
  assert.ok(retryAfter > 59_000 && retryAfter < 62_000, `${retryAfter}`);
  peek.add("a", -2);
  assert.equal(look(2).allowed, false);
  peek.close();
  assert.equal(peekStore(store).gauge("s", 1).enter("a", 0), true);
});
