/** Limits in the real program: several workers, workers that die, restarts and takeovers. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ProcessStage } from "../support/process.ts";
import { until } from "../support/wait.ts";

const hanging = new Set<() => void>();
let service: Server;
let endpoint: string;

before(async () => {
  service = createServer((incoming, outgoing) => {
    if (incoming.url?.startsWith("/slow") === true) hanging.add(() => outgoing.end("late"));
    else outgoing.end("ok");
  });
  await once(service.listen(0, "127.0.0.1"), "listening");
  endpoint = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
});

after(() => service.close().closeAllConnections());

function config(policies: object[], more: object = {}): object {
  return {
    workers: 2,
    listeners: [{ name: "public", address: "127.0.0.1:0" }],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [endpoint] } },
    policies,
    ...more,
  };
}

/** Asks by a connection of its own, so that any worker may get it; gives the status. */
async function ask(port: number, path = "/", headers: Record<string, string> = {}): Promise<number> {
  const asking = request({ host: "127.0.0.1", port, path, agent: false, headers });
  asking.end();
  const [answer] = await once(asking, "response");
  answer.resume();
  await once(answer, "end");
  return answer.statusCode;
}

describe("limits of all workers", () => {
  for (const algorithm of ["fixed", "sliding", "token-bucket"] as const)
    test(`${algorithm}: 64 connections to two workers get exactly the limit`, async () => {
      await using stage = new ProcessStage();
      stage.write(config([{ "rate-limit": { limit: "500/10h", algorithm } }]));
      const { port } = await stage.run();
      const statuses = new Map<number, number>();
      await Promise.all(
        Array.from({ length: 64 }, async () => {
          for (let i = 0; i < 16; i++) {
            const status = await ask(port);
            statuses.set(status, (statuses.get(status) ?? 0) + 1);
          }
        }),
      );
      assert.deepEqual(Object.fromEntries(statuses), { 200: 500, 429: 64 * 16 - 500 });
    });

  test("a reload that leaves the policy where it is goes on counting", async () => {
    await using stage = new ProcessStage();
    const limited = (limit: string): object => config([{ "rate-limit": { limit, algorithm: "fixed" } }]);
    stage.write(limited("2/10h"));
    const { process, port } = await stage.run();
    assert.deepEqual([await ask(port), await ask(port), await ask(port)], [200, 200, 429]);
    process.forget();
    stage.write(limited("3/10h"));
    await process.says(/generation \d+ serves/);
    assert.deepEqual([await ask(port), await ask(port)], [200, 429]);
  });

  test("explaining says what a request would meet now, and takes nothing", async () => {
    await using stage = new ProcessStage();
    stage.write(config([{ "rate-limit": { limit: "2/10h" } }], { admin: "127.0.0.1:0" }));
    const { process, port } = await stage.run();
    const [, admin] = await process.says(/admin on port (\d+)/);
    const explained = async (): Promise<string> => {
      const url = `http://127.0.0.1:${admin}/explain?url=http://a/&from=127.0.0.1`;
      return (await fetch(url)).text();
    };
    assert.equal(await ask(port), 200);
    for (let i = 0; i < 3; i++) assert.doesNotMatch(await explained(), /rate_limited/);
    assert.equal(await ask(port), 200);
    assert.match(await explained(), /rate_limited/);
    assert.equal(await ask(port), 429);
  });

  test("what a worker had under way that dies is free again", async () => {
    await using stage = new ProcessStage();
    stage.add(
      "die.ts",
      `import { definePolicy, z } from "torana";
      export const die = definePolicy({
        name: "die", phase: "receive", options: z.strictObject({}),
        compile: () => (x) => {
          if (x.request.path === "/die") setImmediate(() => { throw new Error("dies"); });
          return undefined;
        },
      });`,
    );
    stage.write(config([{ concurrency: { max: 4, key: "route" } }, { "./die.ts": {} }]));
    const { process, port } = await stage.run();
    const held = Array.from({ length: 4 }, () => ask(port, "/slow").catch(() => 0));
    await until("four requests to be under way", () => hanging.size === 4);
    assert.equal(await ask(port), 429);
    // Until both workers have died: which one a connection meets is the system's choice.
    const gone = new Set<string>();
    while (gone.size < 2) {
      process.forget();
      await ask(port, "/die").catch(() => 0);
      const [, index] = await process.says(/worker (\d) is gone/);
      gone.add(index!);
      await process.says(new RegExp(`worker ${index} serves`));
    }
    await Promise.all(held);
    for (const answer of hanging) answer();
    hanging.clear();
    for (let i = 0; i < 6; i++) assert.equal(await ask(port), 200);
  });
});

describe("quotas", () => {
  const policies = [{ quota: { limit: 5, per: "year", key: { header: "x" } } }];

  test("go on after a restart", async () => {
    await using stage = new ProcessStage();
    stage.write(config(policies));
    const first = await stage.run();
    for (const x of ["a", "a", "a", "b"]) assert.equal(await ask(first.port, "/", { x }), 200);
    first.process.signal("SIGTERM");
    assert.equal(await first.process.exit, 0);
    assert.ok(existsSync(join(stage.folder, "state")));
    const second = await stage.run();
    const statuses: number[] = [];
    for (const x of ["a", "a", "a", "b", "c"]) statuses.push(await ask(second.port, "/", { x }));
    assert.deepEqual(statuses, [200, 200, 429, 200, 200]);
  });

  test("are written within a second or so: a crash loses little", async () => {
    await using stage = new ProcessStage();
    stage.write(config(policies));
    const first = await stage.run();
    for (let i = 0; i < 5; i++) assert.equal(await ask(first.port, "/", { x: "a" }), 200);
    await until("the counts to be written", () => existsSync(join(stage.folder, "state")));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    first.process.signal("SIGKILL");
    await first.process.exit;
    const second = await stage.run();
    assert.equal(await ask(second.port, "/", { x: "a" }), 429);
  });

  test("a takeover goes on with them", async () => {
    await using stage = new ProcessStage();
    stage.write({ ...config(policies), listeners: [{ name: "public", address: "127.0.0.1:0" }] });
    const first = await stage.run();
    for (let i = 0; i < 3; i++) assert.equal(await ask(first.port, "/", { x: "a" }), 200);
    await until("the counts to be written", () => existsSync(join(stage.folder, "state")));
    assert.equal(await ask(first.port, "/", { x: "a" }), 200);
    const second = await stage.run("--takeover");
    assert.equal(await first.process.exit, 0);
    await second.process.says(/took over/);
    assert.deepEqual(
      [await ask(second.port, "/", { x: "a" }), await ask(second.port, "/", { x: "a" })],
      [200, 429],
    );
  });

  test("without them nothing is written", async () => {
    await using stage = new ProcessStage();
    stage.write(config([{ "rate-limit": { limit: "5/1h" } }]));
    const { process, port } = await stage.run();
    assert.equal(await ask(port), 200);
    process.signal("SIGTERM");
    assert.equal(await process.exit, 0);
    assert.equal(existsSync(join(stage.folder, "state")), false);
  });
});
