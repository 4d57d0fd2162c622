import assert from "node:assert/strict";
import { test } from "node:test";
import { ProcessStage, type ToranaProcess } from "../support/process.ts";
import { startService } from "../support/service.ts";

/** A policy that does to its worker what the path asks for. */
const FAULTS = `
import { definePolicy, z } from "torana";
export const fault = definePolicy({
  name: "fault",
  phase: "request",
  options: z.strictObject({}),
  compile: () => (x) => {
    if (x.request.path === "/loop") for (;;) {}
    if (x.request.path === "/exit") process.exit(3);
    if (x.request.path === "/null") setTimeout(() => { throw null; });
    if (x.request.path === "/throw") setTimeout(() => { throw new Error("out of a timer"); });
    if (x.request.path === "/memory") {
      const kept = [];
      for (;;) kept.push(new Array(100_000).fill(kept.length));
    }
    return undefined;
  },
});
`;

interface Stand {
  readonly process: ToranaProcess;
  readonly port: number;
  readonly admin: number;
}

async function stand(stage: ProcessStage, url: string): Promise<Stand> {
  stage.add("fault.ts", FAULTS);
  stage.write({
    workers: 2,
    workerMemory: 64,
    admin: "127.0.0.1:0",
    listeners: [{ name: "public", address: "127.0.0.1:0" }],
    routes: [{ name: "all", service: "main", policies: [{ "./fault.ts": {} }] }],
    services: { main: { endpoints: [url] } },
  });
  const { process, port } = await stage.run();
  const [, admin] = await process.says(/admin on port (\d+)/);
  return { process, port, admin: Number(admin) };
}

async function ask(port: number, path: string): Promise<number | string> {
  const headers = { connection: "close" };
  return fetch(`http://127.0.0.1:${port}${path}`, { headers, signal: AbortSignal.timeout(3_000) }).then(
    async (response) => {
      await response.arrayBuffer();
      return response.status;
    },
    (error: Error) => error.name,
  );
}

async function ready(admin: number): Promise<boolean> {
  return (await fetch(`http://127.0.0.1:${admin}/readyz`)).status === 200;
}

async function requests(admin: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  const counts = [...text.matchAll(/^torana_requests_total\{route="all"[^}]*class="2xx"[^}]*\} (\d+)$/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

for (const [path, why] of [
  ["/exit", /worker \d is gone/],
  ["/throw", /worker \d is gone \(.*out of a timer/],
  ["/null", /worker \d is gone \(.*null/],
  ["/memory", /worker \d is gone \(.*MEMORY/],
] as const)
  test(`a worker that ends at ${path} is replaced, the other serves on, and the counts stay`, async () => {
    await using stage = new ProcessStage();
    await using service = await startService((_request, response) => void response.end("served"));
    const { process, port, admin } = await stand(stage, service.url);
    for (let i = 0; i < 40; i++) assert.equal(await ask(port, "/"), 200);
    process.forget();
    void ask(port, path);
    await process.says(why);
    await process.says(/worker \d serves/);
    assert.equal(await ready(admin), true);
    for (let i = 0; i < 40; i++) assert.equal(await ask(port, "/"), 200);
    assert.ok((await requests(admin)) >= 80, `${await requests(admin)} were counted`);
  });

test("a worker caught in a loop makes the process unready, is given up after ten seconds and replaced", async () => {
  await using stage = new ProcessStage();
  await using service = await startService((_request, response) => void response.end("served"));
  const { process, port, admin } = await stand(stage, service.url);
  void ask(port, "/loop");
  await process.says(/worker \d shows no sign of life/);
  assert.equal(await ready(admin), false);
  // The kernel gives the worker that hangs its share of connections until it is gone: the other answers the rest.
  const answers = await Promise.all(Array.from({ length: 30 }, () => ask(port, "/")));
  assert.ok(answers.includes(200), answers.join(" "));
  await process.says(/worker \d is gone \(it showed no sign of life\)/);
  await process.says(/worker \d serves/);
  assert.equal(await ready(admin), true);
  for (let i = 0; i < 20; i++) assert.equal(await ask(port, "/"), 200);
});

test("a config that is changed while no worker is there serves once one is", async () => {
  await using stage = new ProcessStage();
  stage.add("fault.ts", FAULTS);
  const config = (status: number) => ({
    workers: 1,
    listeners: [{ name: "public", address: "127.0.0.1:0" }],
    routes: [
      { name: "asked", match: { path: "/asked" }, policies: [{ respond: { status } }] },
      { name: "fault", policies: [{ "./fault.ts": {} }, { respond: {} }] },
    ],
  });
  stage.write(config(200));
  const { process, port } = await stage.run();
  // Each time it is waited for longer before another starts.
  for (const times of [1, 2, 3, 4]) {
    await ask(port, "/exit");
    await process.says(new RegExp(`(?:worker 0 is gone[^]*){${times}}`));
    if (times < 4) await process.says(new RegExp(`(?:worker 0 serves[^]*){${times}}`));
  }
  stage.write(config(204));
  // On a machine that is slow beyond measure, the worker is back before the file is looked at.
  const [, refused] = await process.says(/reload \(a file changed\): (?:(the config before)|generation)/);
  if (refused !== undefined) await process.says(/reload \(a worker serves again\): generation \d+ serves/);
  else await process.says(/generation \d+ serves/);
  assert.equal(await ask(port, "/asked"), 204);
});
