import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ProcessStage } from "../support/process.ts";
import { startService } from "../support/service.ts";

const OWN = `
import { definePolicy, z } from "torana";
export const own = definePolicy({
  name: "own",
  phase: "authorize",
  options: z.strictObject({ calls: z.boolean().default(false), url: z.string() }),
  reasons: { own_refused: { status: 402, source: "downstream", title: "It is not paid." } },
  compile: ({ calls, url }) => async (x) => {
    if (calls) await fetch(url);
    return x.request.field("x-paid") === undefined ? x.reject("own_refused") : undefined;
  },
});
`;

function config(url: string, folder: string): object {
  return {
    workers: 1,
    admin: `unix:${join(folder, "admin.sock")}`,
    listeners: [{ name: "public", address: "127.0.0.1:0" }],
    policies: [{ "access-log": { to: join(folder, "access.log") } }],
    routes: [
      { name: "paid", match: { path: "/paid/*" }, service: "main", policies: [{ "./own.ts": { url } }] },
      {
        name: "called",
        match: { path: "/called" },
        service: "main",
        policies: [{ "./own.ts": { url, calls: true } }],
      },
      { name: "rest", service: "main", rewrite: { host: "endpoint" } },
    ],
    services: { main: { endpoints: [url] } },
  };
}

/** Runs a command to its end. */
async function ran(stage: ProcessStage, ...args: string[]): Promise<{ code: number | null; output: string }> {
  const process = stage.start(...args);
  const code = await process.exit;
  return { code, output: process.output };
}

test("explain and routes answer from a file, call nobody and leave no trace", async () => {
  await using stage = new ProcessStage();
  await using service = await startService((_request, response) => void response.end("called"));
  stage.add("own.ts", OWN);
  stage.write(config(service.url, stage.folder));

  const refused = await ran(stage, "explain", stage.file, "http://a/paid/1");
  assert.equal(refused.code, 0);
  assert.match(refused.output, /route {2}paid, .*torana\.json:\d+ routes\[0\]\n {2}since path \/paid\/\*/);
  assert.match(refused.output, /authorize {2}.*own\.ts +route +answers: 402 own_refused\n/);

  const json = await ran(
    stage,
    "explain",
    "-c",
    stage.file,
    "POST",
    "a/called",
    "-H",
    "x-paid: 1",
    "-d",
    "x",
    "--json",
  );
  const told = JSON.parse(json.output);
  assert.deepEqual([told.route.name, told.request.method, told.certain], ["called", "POST", false]);
  assert.equal(told.steps[0].note, "it fails here, and may in traffic: there is no network while explaining");

  const listed = await ran(stage, "routes", stage.file);
  assert.deepEqual(
    listed.output.split("\n").map((line) => line.split(/ {2,}/).slice(0, 4).join("|")),
    ["HOST|PATH|METHOD|ROUTE", "*|/called|*|called", "*|/paid/*|*|paid", "*|*|*|rest", ""],
  );
  assert.equal(service.connections, 0);
  assert.equal(existsSync(join(stage.folder, "access.log")), false);
});

test("a config with problems and a command line that is none have their exit codes", async () => {
  await using stage = new ProcessStage();
  stage.write({ listeners: [], colour: "red" });
  const broken = await ran(stage, "explain", stage.file, "http://a/");
  assert.equal(broken.code, 2);
  assert.match(broken.output, /torana\.json:\d+:\d+: colour/);
  assert.equal((await ran(stage, "routes", stage.file)).code, 2);
  const wrong = [
    ["explain", stage.file],
    ["explain", stage.file, "GET", "/x"],
    ["explain", stage.file, "get", "http://a/"],
    ["explain", stage.file, "http://a/", "-H", "no field"],
    ["routes"],
    ["routes", stage.file, "--colour"],
  ];
  const codes = await Promise.all(wrong.map(async (args) => (await ran(stage, ...args)).code));
  assert.deepEqual(
    codes,
    wrong.map(() => 64),
  );
  stage.write({ listeners: [{ name: "public", address: "127.0.0.1:0" }] });
  assert.equal((await ran(stage, "explain", stage.file, "http://a/", "--listener", "x")).code, 64);
});

test("a gateway that serves explains what it serves", async () => {
  await using stage = new ProcessStage();
  await using service = await startService((_request, response) => void response.end("called"));
  stage.add("own.ts", OWN);
  stage.write({ ...config(service.url, stage.folder), admin: "127.0.0.1:0" });
  const { process } = await stage.run();
  const [, port] = await process.says(/admin on port (\d+)/);
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return [response.status, await response.json()] as [number, Record<string, never>];
  };
  const [status, rest] = await ask(`/explain?url=${encodeURIComponent("http://a/x")}`);
  assert.equal(status, 200);
  const { route, forward } = rest as unknown as { route: { name: string }; forward: { host: string } };
  assert.deepEqual([route.name, forward.host], ["rest", new URL(service.url).host]);
  const [, paid] = await ask(`/explain?url=${encodeURIComponent("http://a/paid/1")}`);
  const { steps } = paid as unknown as { steps: { verdict: string; note: string }[] };
  assert.equal(steps[0]?.verdict, "unknown");
  assert.match(steps[0]?.note ?? "", /is not run by a gateway that serves/);
  const [refused, problem] = await ask("/explain?url=http://a/&listener=x");
  assert.equal(refused, 400);
  assert.match(JSON.stringify(problem), /there is no listener/);
  const [, rows] = await ask("/routes");
  assert.deepEqual(
    (rows as unknown as { route: string }[]).map((row) => row.route),
    ["called", "paid", "rest"],
  );
  assert.equal(service.connections, 0);
});
