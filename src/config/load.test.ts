import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { checkConfig, loadConfig, parseConfig } from "./load.ts";
import { ConfigError, type ConfigProblem } from "./problem.ts";

const LISTENER = 'listeners: [{ name: p, address: ":0" }]';

function problemsOf(run: () => unknown): readonly ConfigProblem[] {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
  return [];
}

/** Where each problem of a text stands, and its path. */
function places(text: string): string[] {
  return problemsOf(() => parseConfig(text, "t.yaml")).map(
    ({ line, column, path }) => `${line}:${column} ${path}`,
  );
}

const cases: readonly (readonly [title: string, lines: string[], places: string[]])[] = [
  [
    "a whole config",
    [LISTENER, "services: { s: { endpoints: ['http://a:1'] } }", "routes: [{ name: r, service: s }]"],
    [],
  ],
  ["JSON", ['{ "listeners": [{ "name": "p", "address": ":0" }] }'], []],
  ["broken YAML", [LISTENER, "routes: ["], ["2:10 "]],
  ["a key written twice", [LISTENER, "routes: []", "routes: []"], ["3:1 "]],
  ["a list for a config", ["- 1"], ["1:1 "]],
  ["an unknown key", [LISTENER, "limitz: 5"], ["2:1 limitz"]],
  [
    "an unknown key deep inside",
    [LISTENER, "services:", "  s:", "    endpoints: ['http://a']", "    timeouts: { conect: 1s }"],
    ["5:17 services.s.timeouts.conect"],
  ],
  ["several unknown keys", [LISTENER, "a: 1", "b: 2"], ["2:1 a", "3:1 b"]],
  [
    "a required key that is missing",
    [LISTENER, "routes:", "  - service: s", "services: { s: { endpoints: ['http://a'] } }"],
    ["3:5 routes[0].name"],
  ],
  [
    "a service that is not there",
    [LISTENER, "routes:", "  - name: r", "    service: t"],
    ["4:14 routes[0].service"],
  ],
  ["names of Object", [LISTENER, "routes: [{ name: r, service: toString }]"], ["2:30 routes[0].service"]],
  [
    "a name of routes that stands twice",
    [
      LISTENER,
      "services: { s: { endpoints: ['http://a'] } }",
      "routes:",
      "  - { name: r, service: s }",
      "  - { name: r, service: s }",
    ],
    ["5:13 routes[1].name"],
  ],
  [
    "a name of listeners that stands twice",
    ["listeners:", "  - { name: p, address: ':0' }", "  - { name: p, address: ':0' }"],
    ["3:13 listeners[1].name"],
  ],
  ["no listeners", ["listeners: []"], ["1:12 listeners"]],
  ["an address", ["listeners: [{ name: p, address: 'a:80' }]"], ["1:33 listeners[0].address"]],
  [
    "a network",
    ["listeners: [{ name: p, address: ':0', trusted: ['::1', '10.0.0.0/33'] }]"],
    ["1:56 listeners[0].trusted[1]"],
  ],
  ["a time", [LISTENER, "limits: { idleTimeout: 5 minutes }"], ["2:24 limits.idleTimeout"]],
  ["a limit", [LISTENER, "limits: { head: 255 }"], ["2:17 limits.head"]],
  [
    "a host in a list",
    [LISTENER, "routes: [{ name: r, match: { host: [a, 'b c'] } }]"],
    ["2:40 routes[0].match.host[1]"],
  ],
  [
    "a method",
    [LISTENER, "routes: [{ name: r, match: { method: 'G T' } }]"],
    ["2:38 routes[0].match.method"],
  ],
  ["a path", [LISTENER, "routes: [{ name: r, match: { path: x } }]"], ["2:36 routes[0].match.path"]],
  [
    "an endpoint",
    [LISTENER, "services: { s: { endpoints: ['http://a', 'ftp://b'] } }"],
    ["2:42 services.s.endpoints[1]"],
  ],
];

suite("a config", () => {
  for (const [title, lines, expected] of cases)
    test(`shows where it is wrong: ${title}`, () => assert.deepEqual(places(lines.join("\n")), expected));

  test("tells every problem at once, in words and as lines", () => {
    const text = `${LISTENER}\nlimits: { head: 1, fields: 0 }\nroutes: [{ name: '', service: s, match: { path: [x, y] } }]\nz: 1`;
    const problems = problemsOf(() => parseConfig(text, "t.yaml"));
    assert.deepEqual(problems.map(({ path }) => path).sort(), [
      "limits.fields",
      "limits.head",
      "routes[0].match.path[0]",
      "routes[0].match.path[1]",
      "routes[0].name",
      "routes[0].service",
      "z",
    ]);
    const { message } = new ConfigError(problems);
    assert.equal(message.split("\n").length, 7);
    assert.match(message, /^t\.yaml:4:1: z: is not known here; remove it; known here: admin, /m);
  });

  test("names the services there are where one is missing", () => {
    const [problem] = problemsOf(() =>
      checkConfig({
        listeners: [{ name: "p", address: ":0" }],
        services: { a: { endpoints: ["http://a"] }, b: { endpoints: ["http://b"] } },
        routes: [{ name: "r", service: "c" }],
      }),
    );
    assert.equal(problem?.reason, 'there is no service "c"');
    assert.equal(problem?.cure, "write one of: a, b");
    assert.deepEqual([problem?.file, problem?.line], ["config", undefined]);
  });

  test("fills in what is left out", () => {
    const config = checkConfig({
      listeners: [{ name: "p", address: ":0" }],
      services: { s: { endpoints: ["http://a"] } },
      routes: [{ name: "r", service: "s" }],
    });
    assert.deepEqual(config.listeners[0]?.address, { host: "0.0.0.0", port: 0, socket: undefined });
    assert.deepEqual(config.routes[0]?.match[0], {
      host: [],
      path: [],
      method: [],
      headers: {},
      query: {},
      cookies: {},
      from: [],
      when: undefined,
    });
    assert.deepEqual(config.services["s"]?.timeouts, { connect: 1_000, response: 60_000, idle: 60_000 });
    assert.equal(config.services["s"]?.connections.max, 512);
    assert.equal(config.policyTimeout, 10_000);
  });

  test("is read from a file, which is named in the problem", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "torana-config-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "torana.yaml");
    await assert.rejects(
      loadConfig(file),
      (error: ConfigError) =>
        error.message === `${file}: cannot be read (ENOENT); check the path, or make the file`,
    );
    writeFileSync(file, LISTENER);
    assert.equal((await loadConfig(file)).listeners[0]?.name, "p");
    writeFileSync(file, "listeners: 5");
    await assert.rejects(loadConfig(file), (error: ConfigError) =>
      error.message.startsWith(`${file}:1:12: listeners: `),
    );
  });

  test("with aliases that grow without end is refused", () => {
    const bomb = ["a: &a [1,1,1,1,1,1,1,1,1,1]"];
    for (const [name, of] of ["ba", "cb", "dc", "ed", "fe", "gf", "hg"].map((pair) => [...pair]))
      bomb.push(`${name}: &${name} [${new Array(10).fill(`*${of}`).join()}]`);
    const reasons = problemsOf(() => parseConfig(bomb.join("\n"), "t.yaml")).map(({ reason }) => reason);
    assert.ok(reasons.includes("its aliases multiply it beyond measure"), reasons.join());
  });
});
