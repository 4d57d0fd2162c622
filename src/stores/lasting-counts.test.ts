import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LimitDecision, Limiter, LimitRule } from "../pipeline/limits.ts";
import { LastingCounts, parseCounts } from "./lasting-counts.ts";
import { createLimitMemory, type LimitMemory } from "./limit-memory.ts";
import { LocalStore } from "./local-store.ts";

const DAY = 86_400_000;
const calendar = (wall: number): [number, number] => [wall - (wall % DAY), wall - (wall % DAY) + DAY];
const RULE: LimitRule = { algorithm: "fixed", limit: 10, window: DAY, burst: 0, calendar };

function left(limiter: Limiter, key: string): number {
  return (limiter.take(key, 0) as LimitDecision).states[0]!.remaining;
}

function memoryOf(hashKey?: Uint8Array): LimitMemory {
  return createLimitMemory({ entries: 64, workers: 1, hashKey });
}

describe("counts that last", () => {
  test("go from one memory to the next", () => {
    const before = memoryOf();
    const limiter = new LocalStore(before, 0).limiter("s", [
      RULE,
      { ...RULE, algorithm: "token-bucket", burst: 10 },
    ]);
    limiter.take("a", 3);
    limiter.take("b", 4);
    const kept = parseCounts(new LastingCounts(before).toBytes()!);
    assert.equal(kept.counts.length, 2, "buckets do not last");
    const after = memoryOf(kept.hashKey);
    assert.equal(new LastingCounts(after).take(kept), 0);
    const next = new LocalStore(after, 0).limiter("s", [RULE]);
    assert.deepEqual(
      ["a", "b", "c"].map((key) => left(next, key)),
      [7, 6, 10],
    );
  });

  test("where there are none, there is nothing to keep", () => {
    const memory = memoryOf();
    new LocalStore(memory, 0)
      .limiter("s", [{ ...RULE, calendar: undefined } as unknown as LimitRule])
      .take("a", 1);
    assert.equal(new LastingCounts(memory).toBytes(), undefined);
  });

  test("taken in twice only the difference counts, beside what was counted meanwhile", () => {
    const before = memoryOf();
    const old = new LocalStore(before, 0).limiter("s", [RULE]);
    const oldCounts = new LastingCounts(before);
    old.take("a", 3);
    const first = parseCounts(oldCounts.toBytes()!);
    const after = memoryOf(first.hashKey);
    const counts = new LastingCounts(after);
    counts.take(first);
    const next = new LocalStore(after, 0).limiter("s", [RULE]);
    next.take("a", 1);
    old.take("a", 2);
    old.take("b", 5);
    counts.take(parseCounts(oldCounts.toBytes()!));
    assert.deepEqual([left(next, "a"), left(next, "b")], [4, 5]);
  });

  test("what is over is not brought back into a window of today", () => {
    const before = memoryOf();
    const yesterday = (): [number, number] => [calendar(Date.now() - DAY)[0], Number.POSITIVE_INFINITY];
    new LocalStore(before, 0).limiter("s", [{ ...RULE, calendar: yesterday }]).take("a", 9);
    const kept = parseCounts(new LastingCounts(before).toBytes()!);
    const after = memoryOf(kept.hashKey);
    new LastingCounts(after).take(kept);
    assert.equal(left(new LocalStore(after, 0).limiter("s", [RULE]), "a"), 10);
  });

  test("what finds no room is counted", () => {
    const before = memoryOf();
    const limiter = new LocalStore(before, 0).limiter("s", [RULE]);
    for (let i = 0; i < 20; i++) limiter.take(`${i}`, 1);
    const kept = parseCounts(new LastingCounts(before).toBytes()!);
    const after = createLimitMemory({ entries: 16, workers: 1, hashKey: kept.hashKey });
    assert.equal(new LastingCounts(after).take(kept), 4);
  });

  test("what is damaged is not believed", () => {
    const memory = memoryOf();
    new LocalStore(memory, 0).limiter("s", [RULE]).take("a", 3);
    const bytes = new LastingCounts(memory).toBytes()!;
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 1;
      assert.throws(() => parseCounts(damaged), /damaged|no counts|another version/, `byte ${at}`);
    }
    assert.throws(() => parseCounts(bytes.subarray(0, -1)), /damaged/);
    assert.throws(() => parseCounts(Buffer.alloc(0)), /no counts/);
  });
});
