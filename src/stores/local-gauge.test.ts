import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createLimitMemory, type LimitMemory } from "./limit-memory.ts";
import { LimitSweep } from "./limit-sweep.ts";
import { Gauges, LocalGauge } from "./local-gauge.ts";
import { NODE } from "./shared-table.ts";

function stand(): { memory: LimitMemory; gauges: Gauges; of: (worker: number) => LocalGauge } {
  const memory = createLimitMemory({ entries: 16, workers: 3 });
  const gauges = new Gauges(memory);
  return { memory, gauges, of: (worker) => new LocalGauge("s", new Gauges(memory), worker, memory.hashKey) };
}

/** How many of `max` places are free. */
function free(gauge: LocalGauge, max: number): number {
  let entered = 0;
  while (gauge.enter("k", max)) entered++;
  for (let i = 0; i < entered; i++) gauge.leave("k");
  return entered;
}

describe("local gauge", () => {
  test("gives back what a dead worker had, and nothing else", () => {
    const { gauges, of } = stand();
    const [first, second] = [of(0), of(1)];
    for (let i = 0; i < 3; i++) assert.equal(first.enter("k", 5), true);
    assert.equal(second.enter("k", 5), true);
    assert.equal(gauges.workerGone(0), true);
    assert.equal(free(second, 5), 4);
    assert.equal(gauges.workerGone(0), true, "a second time nothing is given back");
    assert.equal(free(second, 5), 4);
    // Another in its place has nothing of its own yet.
    const next = of(0);
    next.leave("k");
    assert.equal(free(second, 5), 4);
  });

  test("one more leave than enter frees nobody else's place", () => {
    const { of } = stand();
    const [first, second] = [of(0), of(1)];
    first.enter("k", 2);
    second.leave("k");
    first.leave("k");
    first.leave("k");
    assert.equal(first.enter("k", 2), true);
    assert.equal(second.enter("k", 2), true);
    assert.equal(second.enter("k", 2), false);
  });

  test("a worker that dies between its two steps leaves neither a place too many nor one too few", () => {
    for (const died of ["before the total", "behind the total", "while it left"] as const) {
      const { memory, gauges, of } = stand();
      const [first, second] = [of(0), of(1)];
      second.enter("k", 5);
      first.enter("k", 5);
      const { words, stride } = gauges.table;
      const at = 1 * stride;
      // As it stands in the memory of one that was terminated just there.
      new Int32Array(memory.intents)[0] = 1;
      if (died === "behind the total") words[at + NODE.second]!++;
      if (died === "while it left") words[at + NODE.second]!--;
      assert.equal(gauges.workerGone(0), true);
      assert.equal(free(second, 5), 4, died);
      assert.equal(new Int32Array(memory.intents)[0], 0);
    }
  });

  test("waits for others that are at it, and is to be called again", () => {
    const { memory, gauges, of } = stand();
    const [first, second] = [of(0), of(1)];
    first.enter("k", 5);
    const intents = new Int32Array(memory.intents);
    intents[1] = 1;
    assert.equal(gauges.workerGone(0), false);
    assert.equal(free(second, 5), 4);
    intents[1] = 0;
    assert.equal(gauges.workerGone(0), true);
    assert.equal(free(second, 5), 5);
  });

  test("keys without anything under way make room for others", () => {
    const { memory, of } = stand();
    const gauge = of(0);
    const sweep = new LimitSweep(memory, () => Number.POSITIVE_INFINITY);
    for (let i = 0; i < 100; i++) {
      assert.equal(gauge.enter(`key ${i}`, 1), true);
      gauge.leave(`key ${i}`);
      if (i % 16 === 15) {
        sweep.all();
        sweep.all();
      }
    }
    gauge.enter("held", 1);
    sweep.all();
    assert.equal(gauge.enter("held", 1), false, "what is held stays");
  });

  test("no room is told as such", () => {
    const { of } = stand();
    const gauge = of(0);
    for (let i = 0; i < 16; i++) gauge.enter(`key ${i}`, 1);
    assert.throws(() => gauge.enter("one more", 1), { name: "StoreDown" });
    assert.equal(gauge.enter("key 3", 2), true);
  });
});
