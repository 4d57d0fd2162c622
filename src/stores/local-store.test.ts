import assert from "node:assert/strict";
import { test } from "node:test";
import { describeLimitStore, rule } from "../../test/support/limit-store-suite.ts";
import type { LimitDecision } from "../pipeline/limits.ts";
import { createLimitMemory } from "./limit-memory.ts";
import { LocalStore } from "./local-store.ts";
import { PARTS } from "./sliding-bound.ts";

describeLimitStore(
  "local",
  () => {
    let time = 1_750_000_000_000;
    const clock = { now: () => time, wall: () => time };
    const memory = createLimitMemory({ entries: 4_096, workers: 2, clock });
    return {
      store: new LocalStore(memory, 0, clock),
      other: new LocalStore(memory, 1, clock),
      now: () => time,
      pass: (milliseconds) => {
        time += milliseconds;
      },
    };
  },
  { clock: 0.01, part: 1 / PARTS, rounds: 60 },
);

const DAY = 86_400_000;
for (const [algorithm, limit, window, burst] of [
  ["token-bucket", 1, 30 * DAY, 5_000],
  ["token-bucket", 99_991, 366 * DAY, 400_000],
  ["token-bucket", 1, 366 * DAY, 4_000_000_000],
  ["leaky-bucket", 1, 366 * DAY, 400],
] as const)
  test(`units that come back over many years are counted: ${algorithm} ${limit}/${window}, ${burst}`, () => {
    let time = 1_750_000_000_000;
    const clock = { now: () => time, wall: () => time };
    const store = new LocalStore(createLimitMemory({ entries: 16, workers: 1, clock }), 0, clock);
    const limiter = store.limiter("s", [rule(algorithm, limit, window, { burst })]);
    const take = (cost: number): LimitDecision => limiter.take("a", cost) as LimitDecision;
    const most = algorithm === "leaky-bucket" ? burst + 1 : burst;
    assert.ok(take(most).allowed);
    assert.ok(!take(1).allowed, "all of them are taken");
    const { retryAfter } = take(1);
    assert.ok(Math.abs(retryAfter - window / limit) <= 1 + (window / limit) * 1e-4, `${retryAfter}`);
    time += retryAfter + 1;
    assert.ok(take(1).allowed);
    assert.ok(!take(1).allowed);
  });
