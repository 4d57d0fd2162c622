import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LimitAlgorithm, LimitDecision, LimitRule } from "../pipeline/limits.ts";
import { createLimitMemory, type LimitMemory } from "./limit-memory.ts";
import { LimitSweep } from "./limit-sweep.ts";
import { LocalStore } from "./local-store.ts";
import { SharedTable } from "./shared-table.ts";

const WINDOW = 60_000;

function rule(algorithm: LimitAlgorithm, more: Partial<LimitRule> = {}): LimitRule {
  return { algorithm, limit: 10, window: WINDOW, burst: 10, ...more };
}

function stand(entries = 8): {
  store: LocalStore;
  memory: LimitMemory;
  time: { ms: number; quiet: number };
  sweep: LimitSweep;
  used(): number;
} {
  const time = { ms: 1_750_000_000_000, quiet: Number.POSITIVE_INFINITY };
  const clock = { now: () => time.ms, wall: () => time.ms };
  const memory = createLimitMemory({ entries, workers: 1, clock });
  const sweep = new LimitSweep(memory, () => time.quiet, clock);
  const tables = [new SharedTable(memory.counts), new SharedTable(memory.windows)];
  const used = (): number => tables.reduce((sum, table) => sum + table.used, 0);
  return { store: new LocalStore(memory, 0, clock), memory, time, sweep, used };
}

const calendar = (wall: number): [number, number] => {
  const from = wall - (wall % WINDOW);
  return [from, from + WINDOW];
};

describe("entries that are over", () => {
  const rules: [string, LimitRule][] = [
    ["fixed", rule("fixed")],
    ["calendar", rule("fixed", { calendar })],
    ["sliding", rule("sliding")],
    ["token-bucket", rule("token-bucket")],
    ["leaky-bucket", rule("leaky-bucket")],
  ];
  for (const [name, one] of rules)
    test(`${name}: is kept while it says something, then taken out`, () => {
      const { store, time, sweep, used } = stand();
      time.ms += WINDOW - (time.ms % WINDOW);
      const limiter = store.limiter("s", [one]);
      limiter.take("a", 10);
      for (let passed = 0; passed < WINDOW; passed += 5_000) {
        sweep.all();
        assert.equal(used(), 1, `after ${passed} ms`);
        time.ms += 5_000;
      }
      time.ms += WINDOW + 5_000;
      sweep.all();
      sweep.all();
      assert.equal(used(), 0);
      const { allowed } = limiter.take("a", 10) as LimitDecision;
      assert.equal(allowed, true);
    });

  test("a full table refuses what is new, and takes it once something is over", () => {
    const { store, time, sweep } = stand(4);
    const limiter = store.limiter("s", [rule("fixed")]);
    for (const key of ["a", "b", "c", "d"]) limiter.take(key, 1);
    assert.throws(() => limiter.take("e", 1), { name: "StoreDown" });
    limiter.add("e", 1); // says nothing: there is nobody to tell
    assert.equal((limiter.take("a", 1) as LimitDecision).states[0]!.remaining, 8);
    time.ms += 2 * WINDOW;
    sweep.tick();
    sweep.tick();
    assert.equal((limiter.take("e", 1) as LimitDecision).states[0]!.remaining, 9);
  });

  test("what is taken out is not used again while somebody may hold it", () => {
    const { store, time, sweep, used } = stand(2);
    const limiter = store.limiter("s", [rule("fixed")]);
    limiter.take("a", 1);
    limiter.take("b", 1);
    time.quiet = time.ms;
    time.ms += 3 * WINDOW;
    sweep.all();
    sweep.all();
    assert.equal(used(), 2);
    assert.throws(() => limiter.take("c", 1), { name: "StoreDown" });
    time.quiet = time.ms + 1;
    sweep.all();
    assert.equal((limiter.take("c", 1) as LimitDecision).allowed, true);
  });

  test("a thousand keys in few buckets are told apart, and go one by one", () => {
    const { store, time, sweep, used } = stand(1_024);
    const limiter = store.limiter("s", [rule("fixed", { limit: 1 })]);
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 1_000; i++)
        assert.equal((limiter.take(`key ${round} ${i}`, 1) as LimitDecision).allowed, true);
      for (let i = 0; i < 1_000; i++)
        assert.equal((limiter.take(`key ${round} ${i}`, 1) as LimitDecision).allowed, false);
      time.ms += 2 * WINDOW;
      sweep.all();
      sweep.all();
      assert.equal(used(), 0);
    }
  });

  test("a look into a large table goes no further than its time, and the next one goes on from there", () => {
    const { store, memory, time, used } = stand(8_192);
    const clock = { now: () => time.ms, wall: () => time.ms };
    const sweep = new LimitSweep(memory, () => time.quiet, clock, 0);
    const limiter = store.limiter("s", [rule("fixed")]);
    for (let i = 0; i < 8_000; i++) limiter.take(`${i}`, 1);
    time.ms += 2 * WINDOW;
    sweep.tick();
    sweep.tick();
    const left = used();
    assert.ok(left > 5_000 && left < 8_000, `${left}`);
    for (let i = 0; i < 20; i++) sweep.tick();
    assert.equal(used(), 0);
  });
});
