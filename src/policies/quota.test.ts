import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LimitStore } from "../pipeline/limits.ts";
import { createLimitMemory } from "../stores/limit-memory.ts";
import { LocalStore } from "../stores/local-store.ts";
import { describePolicy, memoryGateway } from "../testing/index.ts";
import { quota } from "./quota.ts";

/** A store with a clock that is set by hand. */
function stand(start: string): {
  time: { ms: number };
  around: { clock: { now(): number; wall(): number }; store: () => LimitStore };
} {
  const time = { ms: Date.parse(start) };
  const clock = { now: () => time.ms, wall: () => time.ms };
  const local = new LocalStore(createLimitMemory({ entries: 64, workers: 1, clock }), 0, clock);
  return { time, around: { clock, store: () => local } };
}

describePolicy(quota, {
  refused: [
    { options: {}, message: /limit: / },
    { options: { limit: 0 }, message: /limit/ },
    { options: { limit: 1, per: "fortnight" }, message: /per/ },
    { options: { limit: 1, timeZone: "Europe/Atlantis" }, message: /not a time zone; write a name such as/ },
  ],
  steps: [
    {
      title: "counts by the calendar",
      options: { limit: 3, per: "day", timeZone: "Europe/Berlin" },
      ...stand("2026-03-10T22:59:50Z").around,
      check({ reply }) {
        assert.equal(reply.status, 200);
        assert.equal(reply.fields.get("ratelimit-policy"), '"quota-day";q=3;w=90000');
        assert.equal(reply.fields.get("ratelimit"), '"quota-day";r=2;t=10');
      },
    },
  ],
  wire: {
    title: "lets through",
    options: { limit: 5 },
    check({ reply }) {
      assert.match(reply.fields.get("ratelimit")!, /^"quota-month";r=4;t=\d+$/);
    },
  },
});

describe("quota", () => {
  test("what is used up is there again when the next day begins", async () => {
    const { time, around } = stand("2026-10-25T00:30:00Z");
    const options = { limit: 1, per: "day", timeZone: "Europe/Berlin" };
    const { send } = memoryGateway({
      policies: [quota],
      config: { policies: [{ quota: options }] },
      ...around,
    });
    assert.equal((await send()).reply.status, 200);
    const { reply, exchange } = await send();
    assert.deepEqual([reply.status, exchange.outcome?.reason], [429, "quota_exceeded"]);
    // The clocks are set back in this night: the day ends at 23:00 UTC.
    assert.equal(reply.fields.get("retry-after"), String(22.5 * 3_600));
    time.ms += 22.5 * 3_600_000 - 1;
    assert.equal((await send()).reply.status, 429);
    time.ms += 1;
    assert.equal((await send()).reply.status, 200);
  });

  test("a clock that is set back a little gives nothing anew, one that was far ahead does not refuse for long", async () => {
    const { time, around } = stand("2026-05-01T00:00:05Z");
    const options = { limit: 1, per: "month" };
    const { send } = memoryGateway({
      policies: [quota],
      config: { policies: [{ quota: options }] },
      ...around,
    });
    assert.equal((await send()).reply.status, 200);
    time.ms -= 10_000;
    assert.equal((await send()).reply.status, 429);
    time.ms -= 40 * 86_400_000;
    assert.equal((await send()).reply.status, 200);
  });

  test("a table that is full refuses with the reason of quotas", async () => {
    const store = new LocalStore(createLimitMemory({ entries: 1, workers: 1 }), 0);
    const options = { limit: 9, key: { header: "x" }, tiers: { gold: 90 } };
    const { send } = memoryGateway({
      policies: [quota],
      config: { policies: [{ quota: options }] },
      store: () => store,
    });
    assert.equal((await send({ fields: { x: "1" } })).reply.status, 200);
    const { reply, exchange } = await send({ fields: { x: "2" } });
    assert.deepEqual([reply.status, exchange.outcome?.reason], [503, "quota_store_down"]);
  });
});
