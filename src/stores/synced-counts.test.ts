import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { rule } from "../../test/support/limit-store-suite.ts";
import { Random } from "../../test/support/random.ts";
import { eventually, noRedis, RedisServer } from "../../test/support/redis.ts";
import { openStore, storeConfig } from "../../test/support/redis-store.ts";
import type { LimitAlgorithm } from "../pipeline/limits.ts";
import { StoreDown } from "../pipeline/limits.ts";

/** Milliseconds between two settlements. */
const SYNC = 50;

describe("counts that are settled in between", { skip: noRedis }, () => {
  for (const algorithm of ["fixed", "sliding", "token-bucket"] as const)
    test(`${algorithm}: four that count together pass the limit by no more than the documented bound`, async () => {
      await using server = await RedisServer.start();
      const outcome = await traffic(server, algorithm, 4);
      const { accepted, bound } = outcome;
      assert.ok(accepted <= LIMIT + bound, JSON.stringify(outcome));
      assert.ok(accepted >= LIMIT, JSON.stringify(outcome));
    });

  test("what one has counted the others learn, and all of it is settled", async () => {
    await using server = await RedisServer.start();
    const config = storeConfig({ urls: [server.url] }, { sync: SYNC });
    await using one = await openStore(config);
    await using two = await openStore(config);
    const rules = [rule("sliding", 100, 600_000), rule("fixed", 1_000, 86_400_000)];
    const [mine, theirs] = [one.store.limiter("s", rules), two.store.limiter("s", rules)];
    for (let i = 0; i < 30; i++) await mine.take("a", 1);
    for (let i = 0; i < 20; i++) await theirs.take("a", 2);
    mine.add("a", 5);
    for (const limiter of [mine, theirs])
      await eventually("all to be known", async () => {
        const { states } = await limiter.take("a", 0);
        return states[0]!.remaining === 25 && states[1]!.remaining === 925;
      });
    assert.equal((await mine.take("a", 26)).allowed, false);
    assert.equal((await theirs.take("a", 25)).allowed, true);
  });

  test("once a key is known, decisions are made at once", async () => {
    await using server = await RedisServer.start();
    await using open = await openStore(storeConfig({ urls: [server.url] }, { sync: SYNC }));
    const limiter = open.store.limiter("s", [rule("sliding", 3, 600_000)]);
    const first = limiter.take("a", 1);
    assert.ok(first instanceof Promise, "what others have counted is asked for before the first one");
    assert.equal((await first).allowed, true);
    const later = limiter.take("a", 1);
    assert.ok(!(later instanceof Promise));
    assert.equal(later.states[0]!.remaining, 1);
  });

  test("what is counted when a limiter is closed is told to the store", async () => {
    await using server = await RedisServer.start();
    const config = storeConfig({ urls: [server.url] }, { sync: 60_000 });
    await using one = await openStore(config);
    await using two = await openStore(config);
    const rules = [rule("sliding", 10, 600_000)];
    const mine = one.store.limiter("s", rules);
    for (let i = 0; i < 7; i++) await mine.take("a", 1);
    mine.close();
    await one.link.close();
    assert.equal((await two.store.limiter("s", rules).take("a", 0)).states[0]!.remaining, 3);
  });

  test("a store that is down is told of, and what was counted meanwhile is not lost", async () => {
    await using server = await RedisServer.start();
    await using open = await openStore(storeConfig({ urls: [server.url] }, { sync: SYNC }));
    const limiter = open.store.limiter("s", [rule("sliding", 10, 600_000)]);
    for (let i = 0; i < 4; i++) await limiter.take("a", 1);
    await server.kill();
    await eventually("it to be known", async () => {
      try {
        await limiter.take("a", 0);
        return false;
      } catch (error) {
        return error instanceof StoreDown;
      }
    });
    await server.start();
    await eventually("it to be back", async () => (await limiter.take("a", 0)).states.length === 1);
    assert.ok((await limiter.take("a", 0)).states[0]!.remaining <= 10);
    assert.equal((await limiter.take("a", 1)).allowed, true);
  });
});

const LIMIT = 300;

/** Lets several workers ask at random for one key, and tells how many were let through and how many may have been. */
async function traffic(
  server: RedisServer,
  algorithm: LimitAlgorithm,
  workers: number,
): Promise<{ accepted: number; bound: number; trip: number }> {
  const config = storeConfig({ urls: [server.url] }, { sync: SYNC });
  const stores = await Promise.all(Array.from({ length: workers }, () => openStore(config)));
  const chance = new Random(algorithm.length);
  // A window that does not end in the middle, and a bucket that hardly fills again.
  const window = 86_400_000;
  const limiters = stores.map(({ store }) => store.limiter("s", [rule(algorithm, LIMIT, window)]));
  const asked: { readonly at: number; readonly by: number }[] = [];
  let accepted = 0;
  let trip = 0;
  for (let turn = 0; turn < 120; turn++) {
    await Promise.all(
      limiters.map(async (limiter, by) => {
        for (let n = chance.below(4); n > 0; n--) {
          const at = performance.now();
          asked.push({ at, by });
          if ((await limiter.take("a", 1)).allowed) accepted++;
        }
      }),
    );
    const at = performance.now();
    const [{ link }] = stores as [(typeof stores)[number]];
    await link.run({ text: "return 1", sha: "0".repeat(40) }, ["t:x"], []);
    trip = Math.max(trip, performance.now() - at);
    await sleep(5);
  }
  for (const limiter of limiters) limiter.close();
  for (const one of stores) await one[Symbol.asyncDispose]();
  // Units that all but one may have taken within two intervals and two calls; timers may be late by as much as a call.
  const blind = 2 * (SYNC + 2 * trip);
  let bound = 0;
  for (const [first, { at }] of asked.entries()) {
    const within = asked.slice(first).filter((one) => one.at < at + blind);
    for (let by = 0; by < workers; by++)
      bound = Math.max(bound, within.filter((one) => one.by !== by).length);
  }
  return { accepted, bound: Math.min(bound, (workers - 1) * LIMIT), trip };
}
