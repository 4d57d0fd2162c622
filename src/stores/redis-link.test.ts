import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rule } from "../../test/support/limit-store-suite.ts";
import {
  eventually,
  freePorts,
  noRedis,
  RedisServer,
  RedisServers,
  SentinelStand,
  startTlsRedis,
} from "../../test/support/redis.ts";
import { openStore, storeConfig } from "../../test/support/redis-store.ts";
import { until } from "../../test/support/wait.ts";
import { type Limiter, StoreDown } from "../pipeline/limits.ts";
import { slotOf } from "./redis-connection.ts";

async function isAllowed(limiter: Limiter, key: string): Promise<boolean> {
  return (await limiter.take(key, 1)).allowed;
}

async function isDown(limiter: Limiter, key: string): Promise<boolean> {
  try {
    await limiter.take(key, 0);
    return false;
  } catch (error) {
    if (error instanceof StoreDown) return true;
    throw error;
  }
}

describe("the way to a Redis", { skip: noRedis }, () => {
  test("scripts that the server has forgotten are told it again", async () => {
    await using server = await RedisServer.start();
    await using open = await openStore(storeConfig({ urls: [server.url] }));
    const limiter = open.store.limiter("s", [rule("fixed", 3, 600_000)]);
    assert.equal(await isAllowed(limiter, "a"), true);
    await server.command("SCRIPT", "FLUSH");
    const many = await Promise.all([1, 2, 3, 4].map(() => isAllowed(limiter, "a")));
    assert.deepEqual(many, [true, true, false, false]);
    assert.deepEqual(open.told, []);
  });

  test("no name of a key shows what is counted by, and all of them expire", async () => {
    await using server = await RedisServer.start();
    await using open = await openStore(storeConfig({ urls: [server.url], prefix: "gw:" }));
    const rules = [rule("fixed", 3, 600_000), rule("sliding", 9, 1_000), rule("token-bucket", 9, 1_000)];
    await open.store.limiter("space", rules).take("a-plain-api-key", 1);
    const gauge = open.store.gauge("space", 5_000);
    await gauge.enter("a-plain-api-key", 1);
    const names = (await server.command("KEYS", "*")) as string[];
    assert.equal(names.filter((name) => name !== "gw:probe").length, 4);
    for (const name of names) {
      assert.match(name, /^gw:/);
      assert.doesNotMatch(name, /plain|space/);
      assert.ok(Number(await server.command("PTTL", name)) > 0, name);
    }
    gauge.leave("a-plain-api-key");
    gauge.close();
  });

  test("a server that dies is known to be down, and counts go on when it is back", async () => {
    await using server = await RedisServer.start();
    await using open = await openStore(storeConfig({ urls: [server.url] }));
    const limiter = open.store.limiter("s", [rule("fixed", 2, 600_000)]);
    assert.equal(await isAllowed(limiter, "a"), true);
    await server.kill();
    await until("it to be known", () => open.link.downFor("a") !== undefined);
    for (let i = 0; i < 100; i++) assert.equal(await isDown(limiter, "a"), true);
    await until("it to be told", () => open.told.length > 0);
    await server.start();
    await eventually("it to be back", () => isAllowed(limiter, "a"));
    assert.equal(open.told.length, 2, open.told.join("\n"));
    assert.match(open.told[0]!, /^the store test is down: .*ECONNREFUSED/);
    assert.equal(open.told[1], "the store test is back");
  });

  test("a server that hangs is waited for once, then known to be down until it answers", async () => {
    await using server = await RedisServer.start();
    await using open = await openStore(storeConfig({ urls: [server.url] }, { timeout: 100 }));
    const limiter = open.store.limiter("s", [rule("fixed", 1_000, 600_000)]);
    assert.equal(await isAllowed(limiter, "a"), true);
    server.freeze();
    const waited = await Promise.allSettled(Array.from({ length: 20 }, () => limiter.take("a", 1)));
    assert.ok(waited.every(({ status }) => status === "rejected"));
    assert.ok(open.link.downFor("a") instanceof StoreDown);
    server.thaw();
    await eventually("it to be back", async () => !(await isDown(limiter, "a")));
  });

  test("one key that cannot be counted leaves the others alone", async () => {
    await using server = await RedisServer.start();
    await using open = await openStore(storeConfig({ urls: [server.url] }));
    const limiter = open.store.limiter("s", [rule("fixed", 1_000, 600_000)]);
    assert.equal(await isAllowed(limiter, "a"), true);
    const [name] = (await server.command("KEYS", "*:f*")) as string[] as [string];
    await server.command("DEL", name);
    await server.command("RPUSH", name, "somebody else's");
    for (let i = 0; i < 5; i++) {
      assert.equal(await isDown(limiter, "a"), true);
      assert.equal(await isAllowed(limiter, "b"), true);
    }
    assert.equal(open.told.length, 1);
    assert.match(open.told[0]!, /the store test refuses to count: .*WRONGTYPE/);
  });

  test("a server that has no room is down until it has some", async () => {
    await using server = await RedisServer.start();
    await using open = await openStore(storeConfig({ urls: [server.url] }));
    const limiter = open.store.limiter("s", [rule("fixed", 1_000, 600_000)]);
    assert.equal(await isAllowed(limiter, "a"), true);
    await server.command("CONFIG", "SET", "maxmemory", "1");
    const refused = await Promise.resolve(limiter.take("b", 1)).catch((error: unknown) => error);
    assert.ok(refused instanceof StoreDown);
    assert.match(refused.message, /OOM/);
    assert.ok(open.link.downFor("b") !== undefined);
    await server.command("CONFIG", "SET", "maxmemory", "0");
    await eventually("it to be back", () => isAllowed(limiter, "b"));
  });

  test("a server that was never there is found when it comes", async () => {
    const [port] = await freePorts(1);
    await using open = await openStore(storeConfig({ urls: [`redis://127.0.0.1:${port}`] }));
    const limiter = open.store.limiter("s", [rule("fixed", 2, 600_000)]);
    assert.equal(await isDown(limiter, "a"), true);
    await using _server = await RedisServer.start({ port: port! });
    await eventually("it to be found", () => isAllowed(limiter, "a"));
    assert.equal(open.told.length, 2);
  });

  test("a wrong password is told of, without the password", async () => {
    await using server = await RedisServer.start({ lines: ["requirepass right"], password: "right" });
    const wrong = `redis://:not-the-right-one@127.0.0.1:${server.port}`;
    await using open = await openStore(storeConfig({ urls: [wrong] }));
    const limiter = open.store.limiter("s", [rule("fixed", 2, 600_000)]);
    const error = await Promise.resolve(limiter.take("a", 1)).catch((cause: unknown) => cause);
    assert.ok(error instanceof StoreDown);
    assert.match(error.message, /WRONGPASS/);
    assert.match(open.told[0]!, /WRONGPASS/);
    assert.doesNotMatch(`${error.message} ${open.told.join(" ")}`, /not-the-right-one/);
    await using right = await openStore(storeConfig({ urls: [`redis://:right@127.0.0.1:${server.port}/3`] }));
    assert.equal(await isAllowed(right.store.limiter("s", [rule("fixed", 2, 600_000)]), "a"), true);
  });

  test("a certificate that nobody believes is refused", async () => {
    const { server, url, ca } = await startTlsRedis();
    await using _server = server;
    await using open = await openStore(storeConfig({ urls: [url] }));
    const limiter = open.store.limiter("s", [rule("fixed", 2, 600_000)]);
    assert.equal(await isDown(limiter, "a"), true);
    assert.match(open.told[0]!, /certificate/);
    await using believing = await openStore(storeConfig({ urls: [url], ca }));
    assert.equal(await isAllowed(believing.store.limiter("s", [rule("fixed", 2, 600_000)]), "a"), true);
  });

  test("of a cluster that lost a master the others' keys are counted on", async () => {
    await using cluster = await RedisServers.cluster();
    await using open = await openStore(
      storeConfig({ mode: "cluster", urls: cluster.urls }, { timeout: 300 }),
    );
    const limiter = open.store.limiter("s", [rule("fixed", 1_000_000, 600_000)]);
    const keys = Array.from({ length: 60 }, (_, i) => `key ${i}`);
    for (const key of keys) assert.equal(await isAllowed(limiter, key), true);
    const dead = cluster.all[1]!;
    await dead.kill();
    const down = new Set<string>();
    await eventually("what it had to be down", async () => {
      for (const key of keys) if (await isDown(limiter, key)) down.add(key);
      return down.size > 5;
    });
    const others = keys.filter((key) => !down.has(key));
    assert.ok(others.length > 20, `${others.length}`);
    for (const key of others) assert.equal(await isAllowed(limiter, key), true);
    await dead.start();
    await eventually("all to be counted again", async () => {
      for (const key of keys) if (await isDown(limiter, key)) return false;
      return true;
    });
  });

  test("a key whose slot another master of the cluster has taken over is counted there", async () => {
    await using cluster = await RedisServers.cluster();
    await using open = await openStore(storeConfig({ mode: "cluster", urls: cluster.urls }));
    const limiter = open.store.limiter("s", [rule("fixed", 10, 600_000)]);
    assert.equal(await isAllowed(limiter, "a"), true);
    const names = await Promise.all(cluster.all.map((one) => one.command("KEYS", "*") as Promise<string[]>));
    const from = names.findIndex((of) => of.length > 0);
    const to = (from + 1) % names.length;
    const slot = String(slotOf(names[from]![0]!));
    await cluster.all[from]!.command("FLUSHALL");
    const id = String(await cluster.all[to]!.command("CLUSTER", "MYID"));
    for (const at of [to, from]) await cluster.all[at]!.command("CLUSTER", "SETSLOT", slot, "NODE", id);
    await eventually("it to be counted there", () => isAllowed(limiter, "a"));
    assert.notDeepEqual(await cluster.all[to]!.command("KEYS", "*"), []);
    assert.deepEqual(await cluster.all[from]!.command("KEYS", "*"), []);
    assert.deepEqual(open.told, []);
  });

  test("a sentinel's new master goes on with the counts of the old one", async () => {
    await using stand = await SentinelStand.start();
    const urls = [`redis://127.0.0.1:${(await freePorts(1))[0]}`, stand.sentinel.url];
    await using open = await openStore(storeConfig({ mode: "sentinel", urls, master: "main" }));
    const limiter = open.store.limiter("s", [rule("fixed", 5, 600_000)]);
    for (let i = 0; i < 3; i++) assert.equal(await isAllowed(limiter, "a"), true);
    await stand.master.command("WAIT", "1", "5000");
    await stand.master.kill();
    await until("it to be known", () => open.link.downFor("a") !== undefined);
    let left = -1;
    await eventually("the new master", async () => {
      left = (await limiter.take("a", 0)).states[0]!.remaining;
      return true;
    });
    assert.equal(left, 2);
  });

  test("a master that the sentinels do not know is told of", async () => {
    await using sentinel = await RedisServer.start({ sentinel: true });
    await using open = await openStore(
      storeConfig({ mode: "sentinel", urls: [sentinel.url], master: "nobody" }),
    );
    assert.match(open.told[0]!, /the sentinels know no master "nobody"/);
  });
});

describe("slots of a cluster", () => {
  test("are those of its specification", () => {
    assert.equal(slotOf("123456789"), 0x31c3);
    assert.equal(slotOf("foo"), 12_182);
    assert.equal(slotOf("t:{foo}:f1"), 12_182);
  });
});
