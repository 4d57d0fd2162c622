import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually, noRedis, RedisServer } from "../../test/support/redis.ts";
import { openStore, storeConfig } from "../../test/support/redis-store.ts";

/** The shortest lease that a place has, in milliseconds. */
const LEASE = 1_000;

describe("places in Redis", { skip: noRedis }, () => {
  test("those of a gateway that died are free again after their lease", async () => {
    await using server = await RedisServer.start();
    const config = storeConfig({ urls: [server.url] });
    await using alive = await openStore(config);
    const dead = await openStore(config);
    const lost = dead.store.gauge("s", LEASE);
    assert.equal(await lost.enter("a", 2), true);
    assert.equal(await lost.enter("a", 2), true);
    // Whatever it would still say reaches nobody.
    await dead.link.close();
    const gauge = alive.store.gauge("s", LEASE);
    assert.equal(await gauge.enter("a", 2), false);
    await eventually("the lease to end", () => Promise.resolve(gauge.enter("a", 2)));
    assert.equal(await gauge.enter("a", 2), true);
    assert.equal(await gauge.enter("a", 2), false);
  });

  test("those that are taken are held for longer than their lease", async () => {
    await using server = await RedisServer.start();
    await using open = await openStore(storeConfig({ urls: [server.url] }));
    const gauge = open.store.gauge("s", LEASE);
    assert.equal(await gauge.enter("a", 1), true);
    await sleep(LEASE * 2);
    assert.equal(await gauge.enter("a", 1), false);
    gauge.leave("a");
    await eventually("it to be free", () => Promise.resolve(gauge.enter("a", 1)));
  });

  test("those that are taken are known again after the server has lost all", async () => {
    await using server = await RedisServer.start();
    await using open = await openStore(storeConfig({ urls: [server.url] }));
    const gauge = open.store.gauge("s", LEASE);
    assert.equal(await gauge.enter("a", 2), true);
    await server.kill();
    await server.start();
    await eventually(
      "it to be known",
      async () =>
        (await server.command("KEYS", "*:g")) !== undefined &&
        ((await server.command("KEYS", "*:g")) as string[]).length === 1,
    );
    assert.equal(await gauge.enter("a", 2), true);
    assert.equal(await gauge.enter("a", 2), false);
  });

  test("one that came too late for who asked is given back", async () => {
    await using server = await RedisServer.start();
    await using slow = await openStore(storeConfig({ urls: [server.url] }, { timeout: 50 }));
    await using other = await openStore(storeConfig({ urls: [server.url] }));
    const gauge = slow.store.gauge("s", 60_000);
    server.freeze();
    await assert.rejects(async () => await gauge.enter("a", 1), { name: "StoreDown" });
    server.thaw();
    const theirs = other.store.gauge("s", 60_000);
    await eventually("it to be free", () => Promise.resolve(theirs.enter("a", 1)));
    assert.equal(await theirs.enter("a", 1), false);
  });

  test("one that was not taken gives none back", async () => {
    await using server = await RedisServer.start();
    await using open = await openStore(storeConfig({ urls: [server.url] }));
    const gauge = open.store.gauge("s", 60_000);
    assert.equal(await gauge.enter("a", 2), true);
    assert.equal(await gauge.enter("a", 2), true);
    gauge.leave("b");
    assert.equal(await gauge.enter("a", 2), false);
    gauge.leave("a");
    await eventually("one to be free", () => Promise.resolve(gauge.enter("a", 2)));
    assert.equal(await gauge.enter("a", 2), false);
  });
});
