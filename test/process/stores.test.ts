/** Gateways that share a Redis: one limit for all, and what becomes of it when it dies, hangs or is replaced. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ProcessStage, type ToranaProcess } from "../support/process.ts";
import { eventually, freePorts, noRedis, RedisServer } from "../support/redis.ts";
import { startService } from "../support/service.ts";
import { until } from "../support/wait.ts";

function config(url: string, routes: Record<string, object>, store: object = {}): object {
  return {
    workers: 2,
    listeners: [{ name: "public", address: "127.0.0.1:0" }],
    routes: Object.entries(routes).map(([name, limit]) => ({
      name,
      match: { path: `/${name}` },
      policies: [{ "rate-limit": { key: "route", store: "shared", ...limit } }, { respond: { body: "ok" } }],
    })),
    stores: { shared: { redis: { urls: [url] }, timeout: "1s", ...store } },
  };
}

interface Answer {
  readonly status: number;
  readonly fields: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

/** Asks by a connection of its own, so that any worker may get it. */
async function ask(port: number, path: string): Promise<Answer> {
  const asking = request({ host: "127.0.0.1", port, path, agent: false });
  asking.end();
  const [answer] = await once(asking, "response");
  let body = "";
  for await (const chunk of answer) body += String(chunk);
  return { status: answer.statusCode, fields: answer.headers, body };
}

/** How many answers have each status. */
function tally(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** Asks at 64 connections at once. */
async function load(ports: readonly number[], path: string, times: number): Promise<Answer[]> {
  const answers: Answer[] = [];
  await Promise.all(
    Array.from({ length: 64 }, async (_, i) => {
      for (let n = 0; n < times; n++) answers.push(await ask(ports[i % ports.length]!, path));
    }),
  );
  return answers;
}

async function start(stage: ProcessStage, more: object): Promise<{ process: ToranaProcess; port: number }> {
  stage.write(more);
  return await stage.run();
}

describe("gateways that share a Redis", { skip: noRedis }, () => {
  for (const algorithm of ["fixed", "sliding", "token-bucket"])
    test(`${algorithm}: three with two workers each have one limit`, async () => {
      await using server = await RedisServer.start();
      await using one = new ProcessStage();
      await using two = new ProcessStage();
      await using three = new ProcessStage();
      const same = config(server.url, { all: { limit: "300/10h", algorithm } });
      const ports: number[] = [];
      for (const stage of [one, two, three]) ports.push((await start(stage, same)).port);
      assert.deepEqual(tally(await load(ports, "/all", 8)), { 200: 300, 429: 64 * 8 - 300 });
    });

  test("with sync they keep to the limit and the documented bound", async () => {
    await using server = await RedisServer.start();
    await using one = new ProcessStage();
    await using two = new ProcessStage();
    const same = config(server.url, { all: { limit: "100/10h" } }, { sync: "20ms" });
    const ports: number[] = [];
    for (const stage of [one, two]) ports.push((await start(stage, same)).port);
    const accepted = tally(await load(ports, "/all", 20))["200"]!;
    // However fast they ask, none of the four workers lets more through than the limit.
    assert.ok(accepted >= 100 && accepted <= 4 * 100, `${accepted}`);
    const { status } = await ask(ports[0]!, "/all");
    assert.equal(status, 429);
  });

  test("a Redis that dies under load: each policy does what it says, and goes on when it is back", async () => {
    await using server = await RedisServer.start();
    await using stage = new ProcessStage();
    const { process, port } = await start(
      stage,
      config(server.url, {
        allow: { limit: "10/10h", onStoreFailure: "allow" },
        deny: { limit: "10/10h", onStoreFailure: "deny" },
        local: { limit: "10/10h", onStoreFailure: "local" },
      }),
    );
    for (const path of ["/allow", "/deny", "/local"])
      assert.deepEqual(tally(await load([port], path, 1)), { 200: 10, 429: 54 });
    const before = load([port], "/local", 20);
    await sleep(20);
    await server.kill();
    await before;
    // The workers know it now, by the first call that failed or by the connection that ended.
    assert.deepEqual(tally(await load([port], "/allow", 4)), { 200: 256 });
    const denied = await load([port], "/deny", 4);
    assert.deepEqual(tally(denied), { 503: 256 });
    assert.match(denied[0]!.body, /limit_store_down/);
    const local = tally(await load([port], "/local", 4));
    assert.equal((local["200"] ?? 0) + local["429"]!, 256);
    assert.ok((local["200"] ?? 0) <= 10, JSON.stringify(local));
    assert.equal((await ask(port, "/local")).status, 429, "the limit holds in this gateway meanwhile");
    await process.says(/the store shared is down/);
    await server.start();
    await eventually("it to be asked again", async () => {
      for (let i = 0; i < 10; i++) if ((await ask(port, "/deny")).status === 503) return false;
      return true;
    });
    await process.says(/the store shared is back/);
    assert.deepEqual(tally(await load([port], "/local", 1)), { 200: 10, 429: 54 });
  });

  test("places are shared, and those of a gateway that is killed come back", async () => {
    await using server = await RedisServer.start();
    const held: (() => void)[] = [];
    await using service = await startService((_request, response) => {
      held.push(() => response.end("late"));
    });
    const stages = [new ProcessStage(), new ProcessStage()] as const;
    await using _one = stages[0];
    await using _two = stages[1];
    const places = { max: 3, key: "route", store: "shared", lease: "2s", onStoreFailure: "deny" };
    const shared = {
      ...config(server.url, {}),
      routes: [{ name: "all", service: "slow", policies: [{ concurrency: places }] }],
      services: { slow: { endpoints: [`http://127.0.0.1:${service.port}`] } },
    };
    const [one, two] = [await start(stages[0], shared), await start(stages[1], shared)];
    const doomed = [1, 2].map(() => ask(one.port, "/").catch(() => "gone"));
    const alive = ask(two.port, "/");
    await until("three to be under way", () => held.length === 3);
    assert.equal((await ask(one.port, "/")).status, 429);
    assert.equal((await ask(two.port, "/")).status, 429);
    one.process.signal("SIGKILL");
    assert.deepEqual(await Promise.all(doomed), ["gone", "gone"]);
    const again: Promise<Answer>[] = [];
    await eventually("their places to be free", async () => {
      const next = ask(two.port, "/");
      const refused = await Promise.race([next.then(({ status }) => status === 429), sleep(200)]);
      if (refused !== true) again.push(next);
      return again.length === 2;
    });
    assert.equal((await ask(two.port, "/")).status, 429, "the one that is alive has kept its own");
    for (const end of held) end();
    assert.deepEqual(tally(await Promise.all([alive, ...again])), { 200: 3 });
  });

  test("a quota goes on in a gateway that is started later", async () => {
    await using server = await RedisServer.start();
    const quota = { limit: 10, per: "year", key: "route", store: "shared", timeZone: "Europe/Berlin" };
    const same = {
      ...config(server.url, {}),
      routes: [{ name: "all", policies: [{ quota }, { respond: { body: "ok" } }] }],
    };
    await using one = new ProcessStage();
    await using two = new ProcessStage();
    const first = await start(one, same);
    for (let i = 0; i < 7; i++) assert.equal((await ask(first.port, "/")).status, 200);
    first.process.signal("SIGTERM");
    assert.equal(await first.process.exit, 0);
    const second = await start(two, same);
    assert.deepEqual(tally(await load([second.port], "/", 1)), { 200: 3, 429: 61 });
  });

  test("no request waits longer than the store's time limit", async () => {
    await using server = await RedisServer.start();
    await using stage = new ProcessStage();
    const deny = { limit: "1000/10h", onStoreFailure: "deny" };
    const { port } = await start(stage, config(server.url, { deny }, { timeout: "50ms" }));
    assert.equal((await ask(port, "/deny")).status, 200);
    server.freeze();
    assert.deepEqual(tally(await load([port], "/deny", 10)), { 503: 640 });
    server.thaw();
    await eventually("it to be asked again", async () => (await ask(port, "/deny")).status === 200);
  });

  test("a reload leads to another Redis while requests come, or to none", async () => {
    await using first = await RedisServer.start();
    await using second = await RedisServer.start();
    await using stage = new ProcessStage();
    const all = { limit: "5/10h", onStoreFailure: "deny" };
    const { process, port } = await start(stage, config(first.url, { all }));
    assert.deepEqual(tally(await load([port], "/all", 1)), { 200: 5, 429: 59 });
    stage.write(config(second.url, { all }));
    process.forget();
    process.signal("SIGHUP");
    const during = tally(await load([port], "/all", 10));
    assert.deepEqual(
      Object.keys(during).filter((status) => !["200", "429"].includes(status)),
      [],
    );
    await process.says(/reload \(.+\): generation 2 serves/);
    await eventually("the second to count", async () => {
      await ask(port, "/all");
      return ((await second.command("DBSIZE")) as number) > 1;
    });
    await eventually("the first to be left", async () => {
      const clients = String(await first.command("CLIENT", "LIST"));
      return !clients.includes("name=torana");
    });
    stage.write(config(second.url, { all: { ...all, store: "local" } }));
    process.signal("SIGHUP");
    await eventually("the second to be left", async () => {
      const clients = String(await second.command("CLIENT", "LIST"));
      return !clients.includes("name=torana");
    });
    assert.equal((await ask(port, "/all")).fields["content-type"] !== undefined, true);
  });

  test("a wrong password is told of without it, and neither check nor the snapshot shows it", async () => {
    await using server = await RedisServer.start({ lines: ["requirepass right"], password: "right" });
    await using stage = new ProcessStage();
    const url = `redis://:the-wrong-one@127.0.0.1:${server.port}`;
    const [admin] = await freePorts(1);
    const { process, port } = await start(stage, {
      ...config(url, { all: { limit: "5/10h", onStoreFailure: "deny" } }),
      admin: `127.0.0.1:${admin}`,
    });
    await process.says(/the store shared is down: WRONGPASS/);
    assert.equal((await ask(port, "/all")).status, 503);
    const { body } = await ask(admin!, "/snapshot");
    assert.match(body, /"shared"/);
    await eventually("it to be shown", async () =>
      /^torana_store_workers\{store="shared"\} 0$/m.test((await ask(admin!, "/metrics")).body),
    );
    assert.doesNotMatch(`${body}${process.output}`, /the-wrong-one/);
  });

  test("check does not connect, and says what is wrong with a store", async () => {
    await using stage = new ProcessStage();
    stage.write(config("redis://127.0.0.1:1", { all: { limit: "5/10h" } }));
    assert.equal(await stage.start("check", stage.file).exit, 0);
    stage.write(
      config("redis://127.0.0.1:1/x", { all: { limit: "5/10h", store: "other" } }, { sync: "1ms" }),
    );
    const wrong = stage.start("check", stage.file);
    assert.equal(await wrong.exit, 2);
    assert.match(wrong.output, /names no database/);
    assert.match(wrong.output, /a time of 1ms is none for it/);
  });
});
