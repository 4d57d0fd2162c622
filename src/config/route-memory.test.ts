import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { type TestContext, test } from "node:test";
import { readConfig } from "./load.ts";
import { ConfigError } from "./problem.ts";
import { RouteMemory } from "./route-memory.ts";

const route = (name: string, more: object = {}): object => ({
  name,
  match: { path: `/${name}` },
  service: "main",
  ...more,
});

/** Reads configs one after the other as one file. */
function reader(context: TestContext): (routes: readonly object[]) => ReturnType<typeof readConfig> {
  const folder = mkdtempSync(join(tmpdir(), "torana-memory-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "torana.json");
  const memory = new RouteMemory();
  return (routes) => {
    const config = {
      listeners: [{ name: "public", address: "127.0.0.1:0" }],
      services: { main: { endpoints: ["http://127.0.0.1:9"] } },
      routes,
    };
    writeFileSync(file, JSON.stringify(config));
    return readConfig(file, memory);
  };
}

test("what is read again as it was is the same object, wherever it stands now, and what changed is read anew", async (context) => {
  const read = reader(context);
  const [a, b] = (await read([route("a"), route("b")])).config.routes;
  const { routes } = (await read([route("new"), route("b"), route("a", { timeout: "2s" })])).config;
  assert.deepEqual(
    routes.map(({ name, timeout }) => [name, timeout]),
    [
      ["new", 0],
      ["b", 0],
      ["a", 2_000],
    ],
  );
  assert.equal(routes[1], b);
  assert.notEqual(routes[2], a);
  assert.deepEqual(
    routes.map(({ origin }) => origin.path),
    [
      ["routes", 0],
      ["routes", 1],
      ["routes", 2],
    ],
  );
});

test("a remembered route is checked again against what stands beside it", async (context) => {
  const read = reader(context);
  await read([route("a"), route("b")]);
  await assert.rejects(read([route("a"), route("b"), route("a")]), /stands twice/);
  await assert.rejects(read([route("a"), route("b"), { ...route("c"), servise: "main" }]), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.deepEqual(
      error.problems.map(({ path }) => path),
      ["routes[2].servise"],
    );
    return true;
  });
});

test("a value from the environment is read each time", async (context) => {
  const read = reader(context);
  process.env["TORANA_TEST_TIMEOUT"] = "5s";
  context.after(() => delete process.env["TORANA_TEST_TIMEOUT"]);
  const routes = [route("a", { timeout: "${env:TORANA_TEST_TIMEOUT}" }), route("b")];
  const first = await read(routes);
  process.env["TORANA_TEST_TIMEOUT"] = "7s";
  const second = await read(routes);
  assert.deepEqual(
    [first, second].map(({ config }) => config.routes[0]?.timeout),
    [5_000, 7_000],
  );
  assert.equal(second.config.routes[1], first.config.routes[1]);
});

test("what was good at a place says nothing of another route there, nor of an included file's", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "torana-memory-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const memory = new RouteMemory();
  const file = join(folder, "torana.json");
  const good = route("a", { rewrite: { path: "/fixed" } });
  const bad = route("a", { rewrite: { path: "/{id}" } });
  const read = (first: object, included: object): ReturnType<typeof readConfig> => {
    const config = {
      listeners: [{ name: "public", address: "127.0.0.1:0" }],
      services: { main: { endpoints: ["http://127.0.0.1:9"] } },
      routes: [first, { name: "below", match: { path: "/below/*" }, include: "below.json" }],
    };
    writeFileSync(file, JSON.stringify(config));
    writeFileSync(join(folder, "below.json"), JSON.stringify({ routes: [included] }));
    return readConfig(file, memory);
  };
  const problemsOf = async (first: object, included: object): Promise<string[]> => {
    const error: unknown = await read(first, included).then(
      () => undefined,
      (refused: unknown) => refused,
    );
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems.map(({ file: at, path }) => `${basename(at)} ${path}`);
  };
  await read(good, good);
  await read(good, good);
  assert.deepEqual(await problemsOf(good, bad), ["below.json routes[0].rewrite.path"]);
  assert.deepEqual(await problemsOf(bad, good), ["torana.json routes[0].rewrite.path"]);
});
