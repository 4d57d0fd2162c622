import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { Client, request } from "../support/client.ts";
import { ProcessStage, ToranaProcess } from "../support/process.ts";
import { startService } from "../support/service.ts";

const LISTENERS = [{ name: "public", address: "127.0.0.1:0" }];

/** A policy that answers with a word; `top` runs when its file is loaded. */
function saying(word: string, top = ""): string {
  return `
import { existsSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { workerData } from "node:worker_threads";
import { definePolicy, Reply, z } from "torana";
${top}
export const say = definePolicy({
  name: "say",
  phase: "request",
  answers: true,
  options: z.strictObject({}),
  compile: () => (x) => {
    if (x.request.path === "/exit" + workerData?.index) process.exit(3);
    return Reply.text(200, "${word}");
  },
});
`;
}

function config(more: object = {}): object {
  return {
    workers: 2,
    listeners: LISTENERS,
    routes: [{ name: "all", policies: [{ "./say.ts": {} }] }],
    ...more,
  };
}

async function ask(port: number, path = "/"): Promise<string> {
  const headers = { connection: "close" };
  return fetch(`http://127.0.0.1:${port}${path}`, { headers }).then(
    (response) => response.text(),
    (error: Error) => error.name,
  );
}

async function answers(port: number): Promise<string[]> {
  return [...new Set(await Promise.all(Array.from({ length: 30 }, () => ask(port))))].sort();
}

test("code that ends the thread that reads configs is refused, and the process serves on", async () => {
  await using stage = new ProcessStage();
  stage.add("say.ts", saying("one"));
  stage.write(config());
  const { process, port } = await stage.run();
  stage.add("say.ts", saying("two", "process.exit(4);"));
  await process.says(/reload \(a file changed\): the config before stays in force\n.*the thread that reads/);
  assert.deepEqual(await answers(port), ["one"]);
  process.forget();
  stage.add("say.ts", saying("three"));
  await process.says(/generation \d+ serves/);
  assert.deepEqual(await answers(port), ["three"]);
});

test("a worker that is replaced during a reload serves what the others serve", async () => {
  await using stage = new ProcessStage();
  stage.add("say.ts", saying("one"));
  stage.write(config());
  const { process, port } = await stage.run();
  const gate = join(stage.folder, "gate");
  process.forget();
  stage.add(
    "say.ts",
    saying(
      "two",
      `if (workerData?.index === 1) while (!existsSync(${JSON.stringify(gate)})) await setTimeout(5);
       if (workerData?.index === 0) console.error("worker 0 has it");`,
    ),
  );
  await process.says(/worker 0 has it/);
  while (!/worker 0 is gone/.test(process.output)) await ask(port, "/exit0");
  await setTimeout(1_500);
  writeFileSync(gate, "");
  await process.says(/generation 2 serves/);
  await process.says(/worker 0 serves/);
  assert.deepEqual(await answers(port), ["two"]);
});

test("a refused config leaves the addresses of the one before alone", async () => {
  await using stage = new ProcessStage();
  await using other = await startService(() => undefined);
  const free = other.port;
  const fixed = { name: "fixed", address: `127.0.0.1:${free}` };
  await other[Symbol.asyncDispose]();
  stage.add("say.ts", saying("one"));
  stage.write(config({ listeners: [...LISTENERS, fixed] }));
  const { process, port } = await stage.run();
  process.forget();
  // No socket can be made there: only a worker finds that out.
  stage.write(config({ listeners: [{ name: "broken", address: `unix:${stage.folder}/none/x.sock` }] }));
  await process.says(/stays in force\n.*x\.sock/);
  process.forget();
  stage.write(config({ listeners: [...LISTENERS, fixed], policyTimeout: "7s" }));
  await process.says(/generation \d+ serves/);
  assert.equal(await ask(port), "one");
  assert.equal(await ask(free), "one");
});

test("a file that only a refused config includes is watched", async () => {
  await using stage = new ProcessStage();
  stage.add("say.ts", saying("one"));
  stage.write(config());
  const { process, port } = await stage.run();
  mkdirSync(join(stage.folder, "teams"));
  stage.add("teams/team.json", JSON.stringify({ routes: [{ name: "team", wrong: true }] }));
  process.forget();
  stage.write(
    config({
      routes: [
        { name: "all", policies: [{ "./say.ts": {} }] },
        { name: "part", match: { path: "/team/*" }, include: "teams/team.json" },
      ],
    }),
  );
  await process.says(/stays in force\n.*team\.json/);
  process.forget();
  const respond = { respond: { status: 200, body: "team" } };
  stage.add("teams/team.json", JSON.stringify({ routes: [{ name: "team", policies: [respond] }] }));
  await process.says(/generation \d+ serves/);
  assert.equal(await ask(port, "/team/x"), "team");
});

test("a folder that is removed and made again is watched on", async () => {
  await using stage = new ProcessStage();
  const folder = join(stage.folder, "conf");
  const write = (word: string): void => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "say.ts"), saying(word));
    writeFileSync(join(folder, "torana.json"), JSON.stringify(config()));
  };
  write("one");
  const process = stage.start("run", join(folder, "torana.json"));
  const [, port] = await process.says(/listening on 127\.0\.0\.1:(\d+)/);
  process.forget();
  rmSync(folder, { recursive: true });
  await process.says(/stays in force/);
  for (const [i, word] of ["two", "three"].entries()) {
    process.forget();
    write(word);
    await process.says(new RegExp(`generation ${i + 2} serves`));
    assert.equal(await ask(Number(port)), word);
  }
});

test("a request on a listener that a reload removed is answered before the process ends", async () => {
  await using stage = new ProcessStage();
  const release = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  await using service = await startService(async (_request, response) => {
    arrived.resolve();
    await release.promise;
    response.end("late");
  });
  const whole = (listeners: object[]): object => ({
    workers: 1,
    listeners,
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.url] } },
  });
  stage.write(whole([{ name: "old", address: "127.0.0.1:0" }]));
  const { process, port } = await stage.run();
  const client = await Client.open(port);
  await client.send(request("GET /"));
  await arrived.promise;
  stage.write(whole([{ name: "new", address: "127.0.0.1:0" }]));
  await process.says(/generation 2 serves/);
  process.signal("SIGTERM");
  await setTimeout(300);
  release.resolve();
  assert.equal((await client.response("GET")).text, "late");
  assert.equal(await process.exit, 0);
});

test("a file that is not there is a problem of the config, also for one that takes over", async () => {
  await using stage = new ProcessStage();
  const process = stage.start("run", join(stage.folder, "none.yaml"), "--takeover");
  assert.equal(await process.exit, 2);
  assert.match(process.output, /none\.yaml/);
  assert.doesNotMatch(process.output, /\n\s+at /);
});

test("without a place for the control socket a process serves, and says that none can take over", async () => {
  await using stage = new ProcessStage();
  stage.add("say.ts", saying("one"));
  stage.write(config());
  await using process = new ToranaProcess(["run", stage.file], { XDG_RUNTIME_DIR: "/dev/null" });
  const [, port] = await process.says(/listening on 127\.0\.0\.1:(\d+)/);
  assert.equal(await ask(Number(port)), "one");
  await process.says(/no other process can take over/);
  process.signal("SIGTERM");
  assert.equal(await process.exit, 0);
});
