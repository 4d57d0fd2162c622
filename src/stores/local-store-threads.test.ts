import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { hammer } from "../../test/support/limit-threads.ts";
import type { LimitAlgorithm, LimitRule } from "../pipeline/limits.ts";
import { createLimitMemory, type LimitMemory } from "./limit-memory.ts";
import { LimitSweep } from "./limit-sweep.ts";
import { Gauges } from "./local-gauge.ts";
import { LocalStore } from "./local-store.ts";
import { SharedTable } from "./shared-table.ts";
import { steadyNow } from "./steady-clock.ts";

const THREADS = 4;
const DAY = 86_400_000;
/** Clocks of threads are this near to each other, in milliseconds. */
const NEAR = 0.1;

function rule(algorithm: LimitAlgorithm, limit: number, window = DAY): LimitRule {
  return { algorithm, limit, window, burst: algorithm === "token-bucket" ? limit : 0 };
}

function memoryOf(entries = 1_024): LimitMemory {
  return createLimitMemory({ entries, workers: THREADS + 1 });
}

describe("threads that share limits", () => {
  for (const algorithm of ["fixed", "sliding", "token-bucket"] as const)
    for (const cost of [1, 7])
      test(`${algorithm}, ${cost} a time: together exactly the limit`, async () => {
        const memory = memoryOf();
        const keys = ["a", "b", "c"];
        const rules = [rule(algorithm, 3_500)];
        const { accepted } = await hammer(THREADS, { memory, space: "s", rules, keys, tries: 30_000, cost });
        for (const key of keys)
          assert.equal(accepted.filter(([of]) => of === key).length, 3_500 / cost, `of ${key}`);
      });

  test("of several bounds all or none, and nothing is lost on the way", async () => {
    const memory = memoryOf();
    const rules = [rule("fixed", 9_000), rule("sliding", 4_000), rule("token-bucket", 7_000)];
    const { accepted } = await hammer(THREADS, { memory, space: "s", rules, keys: ["a"], tries: 10_000 });
    assert.equal(accepted.length, 4_000);
    const decision = new LocalStore(memory, THREADS).limiter("s", rules).take("a", 0);
    assert.ok(!(decision instanceof Promise));
    assert.deepEqual(
      decision.states.map(({ remaining }) => remaining),
      [5_000, 0, 3_000],
    );
  });

  for (const algorithm of ["fixed", "sliding", "token-bucket"] as const)
    test(`${algorithm}: over many windows, none has too many`, async () => {
      const memory = memoryOf();
      const [limit, window] = [400, 100];
      const rules = [rule(algorithm, limit, window)];
      const until = steadyNow() + memory.since1970 + 1_500;
      const { accepted } = await hammer(THREADS, { memory, space: "s", rules, keys: ["a"], until });
      const all = accepted.map(([, from, to]) => ({ from, to })).sort((a, b) => a.from - b.from);
      assert.ok(all.length > limit * 3, `${all.length} were allowed`);
      let oldest = 0;
      for (const [i, { to }] of all.entries()) {
        if (algorithm === "fixed") {
          const id = Math.floor(to / window);
          const inIt = (one: { from: number; to: number }): boolean =>
            Math.floor((one.from - NEAR) / window) === id && Math.floor((one.to + NEAR) / window) === id;
          const within = i % 50 === 0 ? all.filter(inIt).length : 0;
          assert.ok(within <= limit, `${within} in one window`);
          continue;
        }
        while (all[oldest]!.from <= to - window + NEAR) oldest++;
        const within = i - oldest + 1;
        assert.ok(within <= (algorithm === "sliding" ? limit : 2 * limit + 1), `${within} within a window`);
      }
    });

  test("threads that are terminated anywhere leave nothing behind", async () => {
    const memory = createLimitMemory({ entries: 64, workers: THREADS });
    const gauges = new Gauges(memory);
    const file = new URL("../../test/support/gauge-hammer.ts", import.meta.url);
    const end = performance.now() + 3_000;
    let deaths = 0;
    const live = async (worker: number): Promise<void> => {
      while (performance.now() < end) {
        const workerData = { memory, worker, keys: 3, most: 5 };
        const thread = new Worker(file, { workerData });
        await once(thread, "message");
        await new Promise((go) => setTimeout(go, Math.random() * 20));
        await thread.terminate();
        deaths++;
        while (!gauges.workerGone(worker)) await new Promise((go) => setImmediate(go));
      }
    };
    await Promise.all(Array.from({ length: THREADS - 1 }, (_, worker) => live(worker)));
    assert.ok(deaths > 10, `${deaths} deaths`);
    const last = new LocalStore(memory, THREADS - 1);
    const gauge = last.gauge("s");
    for (let key = 0; key < 3; key++) {
      let entered = 0;
      while (gauge.enter(`${key}`, 5)) entered++;
      assert.equal(entered, 5, `places of ${key} after ${deaths} deaths`);
    }
    const limiter = last.limiter("s", [rule("fixed", 1_000_000_000), rule("sliding", 1_000_000_000)]);
    const decision = limiter.take("0", 0);
    assert.ok(!(decision instanceof Promise));
    // A request that dies with its worker may have taken of one bound and not of the other.
    const [fixed, sliding] = decision.states.map(({ remaining }) => remaining);
    assert.ok(fixed! < 1_000_000_000 && Math.abs(fixed! - sliding!) <= deaths, `${fixed} and ${sliding}`);
  });

  test("keys that come and go beside them change nothing", async () => {
    const memory = memoryOf(2_048);
    const table = new SharedTable(memory.counts);
    let quiet = 0;
    const sweep = new LimitSweep(memory, () => quiet);
    const keys = Array.from({ length: 20 }, (_, i) => `key ${i}`);
    const rules = [rule("fixed", 300), rule("sliding", 300)];
    const { accepted, full } = await hammer(
      THREADS,
      { memory, space: "s", rules, keys, until: steadyNow() + memory.since1970 + 2_000, churn: 3 },
      (until) => {
        quiet = until;
        sweep.all();
      },
    );
    for (const key of keys) assert.equal(accepted.filter(([of]) => of === key).length, 300, key);
    assert.ok(full > 0, "there was no room at times");
    assert.ok(table.used <= memory.counts.entries);
    quiet = Number.POSITIVE_INFINITY;
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    sweep.all();
    sweep.all();
    assert.equal(table.used, keys.length);
  });
});
