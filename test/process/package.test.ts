import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { ProcessStage, ToranaProcess } from "../support/process.ts";

const ROOT = resolve(import.meta.dirname, "../..");

const POLICY = `
import { definePolicy, Reply, z } from "torana";
export const hello = definePolicy({
  name: "hello",
  phase: "request",
  answers: true,
  options: z.strictObject({ word: z.string() }),
  compile: ({ word }) => () => Reply.text(200, word),
});
`;

test("the package that is built runs, with shipped policies and with a user's own", async () => {
  await using stage = new ProcessStage();
  const folder = join(stage.folder, "package");
  const built = spawnSync(process.execPath, [join(ROOT, "tools/build.ts"), folder], { encoding: "utf8" });
  assert.equal(built.status, 0, built.stdout + built.stderr);
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  const torana = join(folder, "bin/torana");
  const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { engines: object };
  assert.deepEqual(about.engines, { node: ">=24" }, "it brings no Node of its own");

  const version = spawnSync(torana, ["--version"], { encoding: "utf8" });
  assert.match(version.stdout, /^torana \d+\.\d+\.\d+ /, version.stderr);

  stage.add("hello.ts", POLICY);
  stage.write({
    workers: 2,
    listeners: [{ name: "public", address: "127.0.0.1:0" }],
    routes: [
      { name: "own", match: { path: "/own" }, policies: [{ "./hello.ts": { word: "hello" } }] },
      { name: "shipped", policies: [{ respond: { status: 200, body: "shipped" } }] },
    ],
  });
  await using running = new ToranaProcess(["run", stage.file], { XDG_RUNTIME_DIR: stage.folder }, torana);
  const [, port] = await running.says(/listening on 127\.0\.0\.1:(\d+)/);
  const ask = async (path: string): Promise<string> =>
    (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  assert.equal(await ask("/own"), "hello");
  assert.equal(await ask("/"), "shipped");
  running.signal("SIGTERM");
  assert.equal(await running.exit, 0);
});

test("a build into a folder that holds the sources is refused", () => {
  const built = spawnSync(process.execPath, [join(ROOT, "tools/build.ts"), ROOT], { encoding: "utf8" });
  assert.equal(built.status, 1);
  assert.match(built.stderr, /holds the sources/);
});
