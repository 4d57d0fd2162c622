import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rule } from "../../test/support/limit-store-suite.ts";
import { eventually, freePorts, noRedis, RedisServer } from "../../test/support/redis.ts";
import { storeConfig } from "../../test/support/redis-store.ts";
import { StoreDown } from "../pipeline/limits.ts";
import { type StoreConfigs, StoreSet } from "./store-set.ts";

const RULES = [rule("fixed", 3, 600_000)];

/** How many connections of gateways a server has. */
async function gatewaysAt(server: RedisServer): Promise<number> {
  const list = String(await server.command("CLIENT", "LIST"));
  return list.split("\n").filter((line) => line.includes("name=torana")).length;
}

async function follow(set: StoreSet, configs: StoreConfigs): Promise<void> {
  set.commit(await set.prepare(configs));
}

describe("the stores of a thread", { skip: noRedis }, () => {
  test("connect what is used, and keep the connection while its config is the same", async () => {
    await using server = await RedisServer.start();
    const set = new StoreSet(() => undefined);
    const configs = { a: storeConfig({ urls: [server.url] }), b: storeConfig({ urls: [server.url] }) };
    await follow(set, configs);
    assert.equal(await gatewaysAt(server), 0, "nobody uses them");
    const limiter = set.store("a").limiter("s", RULES);
    assert.throws(() => void limiter.take("k", 1), StoreDown);
    await follow(set, configs);
    const { link } = set.store("a");
    assert.equal((await limiter.take("k", 1)).allowed, true);
    await follow(set, structuredClone(configs));
    assert.equal(set.store("a").link, link);
    assert.deepEqual(set.reading, [["a", 1]]);
    assert.equal(await gatewaysAt(server), 1);
    await set.close();
    await eventually("it to be left", async () => (await gatewaysAt(server)) === 0);
  });

  test("go over to another server while limiters stay, and leave what is gone once it is unused", async () => {
    await using first = await RedisServer.start();
    await using second = await RedisServer.start();
    const set = new StoreSet(() => undefined);
    const limiter = set.store("a").limiter("s", RULES);
    await follow(set, { a: storeConfig({ urls: [first.url] }) });
    for (let i = 0; i < 3; i++) assert.equal((await limiter.take("k", 1)).allowed, true);
    assert.equal((await limiter.take("k", 1)).allowed, false);
    await follow(set, { a: storeConfig({ urls: [second.url] }) });
    assert.equal((await limiter.take("k", 1)).allowed, true);
    await eventually("the first to be left", async () => (await gatewaysAt(first)) === 0);
    await follow(set, {});
    assert.equal((await limiter.take("k", 1)).allowed, true, "an exchange of before still counts");
    limiter.close();
    await eventually("the second to be left", async () => (await gatewaysAt(second)) === 0);
    await set.close();
  });

  test("a config that does not come into force leaves nothing", async () => {
    await using first = await RedisServer.start();
    await using second = await RedisServer.start();
    const set = new StoreSet(() => undefined);
    const limiter = set.store("a").limiter("s", RULES);
    await follow(set, { a: storeConfig({ urls: [first.url] }) });
    const prepared = await set.prepare({ a: storeConfig({ urls: [second.url] }) });
    assert.equal(await gatewaysAt(second), 1);
    set.discard(prepared);
    await eventually("the second to be left", async () => (await gatewaysAt(second)) === 0);
    assert.equal((await limiter.take("k", 1)).allowed, true);
    assert.equal(await gatewaysAt(first), 1);
    await set.close();
  });

  test("a store that does not answer holds no config up", async () => {
    const [port] = await freePorts(1);
    const told: string[] = [];
    const set = new StoreSet((line) => told.push(line));
    const limiter = set.store("a").limiter("s", RULES);
    await follow(set, { a: storeConfig({ urls: [`redis://127.0.0.1:${port}`] }) });
    await assert.rejects(async () => await limiter.take("k", 1), StoreDown);
    assert.match(told.join(), /the store a is down/);
    assert.deepEqual(set.reading, [["a", 0]]);
    await set.close();
  });
});
