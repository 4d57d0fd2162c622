/** The commands that look at a config: check and schema. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { configJsonSchema } from "../../src/config/json-schema.ts";
import { SHIPPED } from "../../src/policies/index.ts";
import { RICH } from "./rich.ts";

let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "torana-check-"));
});
after(() => rmSync(folder, { recursive: true }));

function torana(...args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["src/main.ts", ...args], {
    cwd: new URL("../../", import.meta.url),
    encoding: "utf8",
    env: { ...process.env, TORANA_TEST_KEY: "very-secret", TORANA_TEST_STATUS: "404" },
  });
  return { status, stdout, stderr };
}

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

suite("torana check", () => {
  test("says in one line that a config is good", () => {
    const file = write("good.yaml", RICH);
    const { status, stdout, stderr } = torana("check", file);
    assert.equal(stderr, "");
    assert.equal(
      stdout,
      `${file}: good: 3 routes, 2 services, 2 listeners, at most 1 expression on one host and path, 0 warnings\n`,
    );
    assert.equal(status, 0);
  });

  test("warns of services that no route leads to, and of conditions that nothing reaches", () => {
    const file = write(
      "warned.yaml",
      `listeners: [{ name: p, address: ":0" }]
services: { s: { endpoints: ["http://a"] }, unused: { endpoints: ["http://b"] } }
routes:
  - { name: all, service: s, match: { path: /x } }
  - { name: part, service: s, match: [{ path: /y }, { path: /x }] }
`,
    );
    const { status, stdout, stderr } = torana("check", file);
    assert.match(
      stderr,
      /warned\.yaml:2:45: services\.unused: no route leads here; remove it, or name it in a route\n/,
    );
    assert.match(
      stderr,
      /warned\.yaml:5:53: routes\[1\]\.match\[1\]: no request reaches these conditions: "all" takes all/,
    );
    assert.match(stdout, /good: 2 routes, 2 services, 1 listener, 2 warnings\n$/);
    assert.equal(status, 0);
  });

  test("does not warn of services that only policies ask", () => {
    const file = write(
      "asked.yaml",
      `listeners: [{ name: p, address: ":0" }]
services: { s: { endpoints: ["http://a"] }, auth: { endpoints: ["http://b"] }, inner: { endpoints: ["http://c"] } }
policies:
  - any-of: { methods: [{ key-auth: {} }, { forward-auth: { service: inner, path: / } }] }
routes:
  - { name: all, service: s, policies: [{ forward-auth: { service: auth, path: /verify } }] }
`,
    );
    const { stdout, stderr } = torana("check", file);
    assert.match(stdout, /, 0 warnings\n$/);
    assert.doesNotMatch(stderr, /no route leads here/);
  });

  test("admin endpoints that others may reach are warned of, those of the machine itself are not", () => {
    for (const [admin, count] of [
      ["0.0.0.0:9901", 1],
      ["[::]:9901", 1],
      ["127.0.0.1:9901", 0],
      ["[::1]:9901", 0],
      ["unix:/run/torana.sock", 0],
    ] as const) {
      const file = write("admin.yaml", `admin: "${admin}"\nlisteners: [{ name: p, address: ":0" }]\n`);
      const { status, stderr } = torana("check", file);
      assert.equal(status, 0, stderr);
      assert.equal(/admin\.yaml:1:8: admin: whoever reaches this address/.test(stderr) ? 1 : 0, count, admin);
    }
  });

  test("gives everything as JSON", () => {
    const { status, stdout } = torana(
      "check",
      write("bad.yaml", RICH.replace("workers: 2", "workers: many")),
      "--json",
    );
    const report = JSON.parse(stdout) as {
      ok: boolean;
      problems: { line: number; path: string; cure: string }[];
    };
    assert.equal(status, 2);
    assert.equal(report.ok, false);
    assert.deepEqual(
      report.problems.map(({ line, path }) => [line, path]),
      [[2, "workers"]],
    );
    const good = JSON.parse(torana("check", write("good.yaml", RICH), "--json").stdout) as Record<
      string,
      unknown
    >;
    assert.deepEqual([good["ok"], good["routes"], good["services"], good["listeners"]], [true, 3, 2, 2]);
  });

  test("shows no secret, also where a policy refuses it", () => {
    const file = write(
      "secret.yaml",
      `listeners: [{ name: p, address: ":0" }]
routes:
  - { name: r, policies: [{ respond: { status: "\${env:TORANA_TEST_KEY}" } }] }
`,
    );
    const { status, stdout, stderr } = torana("check", file);
    assert.equal(status, 2);
    assert.match(
      stderr,
      /secret\.yaml:3:48: routes\[0\]\.policies\[0\]\.respond\.status: is "\*\*\*", not a whole number/,
    );
    assert.doesNotMatch(stdout + stderr, /very-secret/);
  });

  test("takes a number from the environment in a policy's options, and none in quotes", () => {
    const at = (status: string) =>
      write(
        "typed.yaml",
        `listeners: [{ name: p, address: ":0" }]\nroutes: [{ name: r, policies: [{ respond: { status: "${status}" } }] }]\n`,
      );
    assert.equal(torana("check", at("${env:TORANA_TEST_STATUS}")).status, 0);
    assert.match(
      torana("check", at("404")).stderr,
      /status: is "404", not a whole number .*; write it without quotes: 404/,
    );
  });

  test("wants one file", () => {
    for (const args of [[], ["a", "b"], ["--wrong"]]) {
      const { status, stderr } = torana("check", ...args);
      assert.equal(status, 64);
      assert.match(stderr, /one config file is needed\nusage: torana check FILE/);
    }
  });
});

suite("torana schema", () => {
  test("prints a JSON Schema with every key described, and the options of the shipped policies", async () => {
    const { status, stdout } = torana("schema");
    assert.equal(status, 0);
    const schema = JSON.parse(stdout) as {
      properties: Record<string, { description?: string }>;
      $defs: Record<string, { properties?: object }>;
    };
    assert.deepEqual(
      Object.entries(schema.properties)
        .filter(([, { description }]) => !description)
        .map(([key]) => key),
      [],
    );
    assert.deepEqual(Object.keys(schema.$defs["policy"]?.properties ?? {}), Object.keys(SHIPPED));
    assert.match(stdout, /"title": "a time"/);
  });

  test("refers only to what it defines", () => {
    const schema = configJsonSchema([]);
    const text = JSON.stringify(schema);
    const defined = Object.keys((schema as { $defs: object }).$defs);
    for (const [, name] of text.matchAll(/"\$ref":"#\/\$defs\/([^"]+)"/g))
      assert.ok(defined.includes(name!), name ?? "");
    assert.match(text, /"\$ref":"#\/\$defs\/policy"/);
  });
});
