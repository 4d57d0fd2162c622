import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, suite, test } from "node:test";
import { originOf } from "./expand.ts";
import { checkConfig, type LoadedConfig, readConfig } from "./load.ts";
import { ConfigError } from "./problem.ts";
import type { RouteConfig } from "./route-schema.ts";

const BASE = {
  listeners: [
    { name: "p", address: ":0" },
    { name: "q", address: ":0" },
  ],
  services: { s: { endpoints: ["http://a.example"] } },
};

/** The only route of a parent with one child. */
function child(parent: object, own: object): RouteConfig {
  const config = checkConfig({
    ...BASE,
    routes: [{ name: "a", ...parent, routes: [{ name: "b", service: "s", ...own }] }],
  });
  assert.equal(config.routes.length, 1);
  return config.routes[0]!;
}

function refusal(parent: object, own: object): string {
  try {
    child(parent, own);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message;
  }
  return "";
}

const inherited: readonly (readonly [
  title: string,
  parent: object,
  own: object,
  key: string,
  expected: unknown,
])[] = [
  ["a host from above", { host: "a.example" }, {}, "host", ["a.example"]],
  [
    "a host below a wildcard",
    { host: "*.example" },
    { host: ["a.example", "*.b.example"] },
    "host",
    ["a.example", "*.b.example"],
  ],
  ["the same host", { host: ["a.example", "b.example"] }, { host: "b.example" }, "host", ["b.example"]],
  ["a path from above", { path: "/shop/*" }, {}, "path", ["/shop/*"]],
  [
    "a joined path",
    { path: "/shop/*" },
    { path: ["/x", "/{id}/*", "/"] },
    "path",
    ["/shop/x", "/shop/{id}/*", "/shop/"],
  ],
  ["a joined path of everything", { path: "/*" }, { path: "/x" }, "path", ["/x"]],
  ["several prefixes", { path: ["/a/*", "/b/*"] }, { path: "/x" }, "path", ["/a/x", "/b/x"]],
  [
    "an expression",
    { path: "/a.b/{t}/*" },
    { path: { regex: "/x|/y" } },
    "path",
    [{ regex: "\\/a\\.b\\/(?<t>[^/]+)(?:/x|/y)" }],
  ],
  ["a method from above", { method: ["GET", "PUT"] }, {}, "method", ["GET", "PUT"]],
  ["a method of those above", { method: ["GET", "PUT"] }, { method: "PUT" }, "method", ["PUT"]],
  [
    "fields of both",
    { headers: { "X-A": "1" } },
    { headers: { "x-b": "2", "x-a": "1" } },
    "headers",
    { "x-a": "1", "x-b": "2" },
  ],
  [
    "a network within",
    { from: ["10.0.0.0/8", "::/0"] },
    { from: ["10.1.0.0/16", "10.2.3.4", "2001:db8::/32"] },
    "from",
    ["10.1.0.0/16", "10.2.3.4", "2001:db8::/32"],
  ],
  ["both expressions", { when: "a || b" }, { when: "c" }, "when", "(a || b) && (c)"],
  ["an expression from above", { when: "a || b" }, {}, "when", "a || b"],
];

const refused: readonly (readonly [title: string, parent: object, own: object, problem: RegExp])[] = [
  ["another host", { host: "a.example" }, { host: "b.example" }, /match\.host: "b\.example" is not within/],
  [
    "a host beside a wildcard",
    { host: "*.a.example" },
    { host: "a.example" },
    /match\.host: "a\.example" is not within/,
  ],
  ["a wider host", { host: "*.a.example" }, { host: "*.example" }, /match\.host/],
  [
    "one host of two",
    { host: "*.a.example" },
    { host: ["x.a.example", "b.example"] },
    /match\.host: "b\.example" is not within/,
  ],
  ["another method", { method: "GET" }, { method: ["GET", "POST"] }, /match\.method: "POST" is not within/],
  [
    "another value of a field",
    { headers: { a: "1" } },
    { headers: { A: "2" } },
    /match\.headers: has another condition for a/,
  ],
  [
    "a field that must not be there",
    { cookies: { a: "1" } },
    { cookies: { a: { present: false } } },
    /match\.cookies/,
  ],
  ["a wider network", { from: ["10.0.0.0/8"] }, { from: ["10.0.0.0/7"] }, /match\.from/],
  ["a network of another family", { from: ["0.0.0.0/0"] }, { from: ["::/0"] }, /match\.from/],
  [
    "a path below a whole one",
    { path: "/a" },
    { path: "/b" },
    /match\.path: cannot follow "\/a", which is not a prefix/,
  ],
  ["a path below an expression", { path: { regex: "/a.*" } }, { path: "/b" }, /match\.path: cannot follow/],
  [
    "a parameter twice",
    { path: "/{id}/*" },
    { path: "/{id}" },
    /match\.path: the parameter \{id\} stands in the route above too/,
  ],
  [
    "an expression that breaks out",
    { when: "a" },
    { when: "true) || (true" },
    /match\.when: cannot be joined/,
  ],
  [
    "one that breaks out behind quotes",
    { when: "a" },
    { when: `"(" == "(") || (true` },
    /match\.when: cannot be joined/,
  ],
  ["one that comments the rest out", { when: "a" }, { when: "b //" }, /match\.when: cannot be joined/],
  ["one with odd quotes", { when: "a" }, { when: `r"\\" == "" || "` }, /match\.when: cannot be joined/],
];

suite("routes below routes", () => {
  for (const [title, parent, own, key, expected] of inherited)
    test(`inherit ${title}`, () => {
      const route = child({ match: parent }, { match: own });
      assert.deepEqual(
        route.match.map((match) => (match as unknown as Record<string, unknown>)[key]),
        [expected],
      );
    });

  for (const [title, parent, own, problem] of refused)
    test(`may not widen: ${title}`, () => assert.match(refusal({ match: parent }, { match: own }), problem));

  test("have the names of those above in front, and say where they were written", () => {
    const config = checkConfig({
      ...BASE,
      routes: [
        {
          name: "a",
          routes: [
            { name: "b", routes: [{ name: "c", service: "s" }] },
            { name: "d", service: "s" },
          ],
        },
        { name: "e", service: "s" },
      ],
    });
    assert.deepEqual(
      config.routes.map(({ name, origin }) => [name, origin.path.join(".")]),
      [
        ["a.b.c", "routes.0.routes.0.routes.0"],
        ["a.d", "routes.0.routes.1"],
        ["e", "routes.1"],
      ],
    );
  });

  test("take policies, listeners and settings from above, where they have none of their own", () => {
    const policies = [{ x: 1 }];
    const parent = { listeners: ["p"], timeout: "5s", priority: 3, tunnels: "close", policies };
    const plain = child(parent, {});
    assert.deepEqual(
      [plain.listeners, plain.timeout, plain.priority, plain.tunnels, plain.policies],
      [["p"], 5_000, 3, "close", [{ x: 1 }]],
    );
    assert.deepEqual(originOf(plain.policies[0]!), { file: "config", path: ["routes", 0, "policies", 0] });
    const own = child(parent, { timeout: 0, priority: 0, tunnels: "keep", policies: [{ y: 2 }] });
    assert.deepEqual(
      [own.timeout, own.priority, own.tunnels, own.policies],
      [0, 0, "keep", [{ x: 1 }, { y: 2 }]],
    );
    assert.match(refusal(parent, { listeners: "q" }), /listeners: the route above is not bound to "q"/);
  });

  test("combine each set of conditions with each above", () => {
    const { match } = child(
      { match: [{ host: "a.example" }, { host: "b.example", path: "/b/*" }] },
      { match: [{ method: "GET" }, { path: "/x" }] },
    );
    assert.deepEqual(
      match.map(({ host, path, method }) => [host[0], path[0], method[0]]),
      [
        ["a.example", undefined, "GET"],
        ["b.example", "/b/*", "GET"],
        ["a.example", "/x", undefined],
        ["b.example", "/b/x", undefined],
      ],
    );
  });

  test("lead somewhere; the route above them does not", () => {
    for (const key of ["service", "split", "rewrite"]) {
      const value = { service: "s", split: [{ service: "s" }], rewrite: { prefix: "/" } }[key];
      assert.match(
        refusal({ [key]: value }, {}),
        new RegExp(`routes\\[0\\]\\.${key}: cannot stand on a route with routes`),
      );
    }
    assert.throws(
      () => checkConfig({ ...BASE, routes: [{ name: "a", routes: [] }] }),
      /routes\[0\]\.routes: holds no routes/,
    );
  });

  test("are checked with the path that they inherit", () => {
    const parent = { match: { path: "/t/{tenant}/*" } };
    const { rewrite } = child(parent, { match: { path: "/{id}" }, rewrite: { path: "/{tenant}/{id}" } });
    assert.equal(rewrite?.path, "/{tenant}/{id}");
    assert.match(
      refusal(parent, { match: { path: "/x" }, rewrite: { path: "/{id}" } }),
      /\{id\} is no parameter of \/t\/\{tenant\}\/x/,
    );
    assert.match(
      refusal(parent, { match: { path: "/x" }, rewrite: { prefix: "/" } }),
      /has no prefix to replace/,
    );
  });
});

suite("included files", () => {
  let folder = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "torana-include-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  const MAIN = 'listeners: [{ name: p, address: ":0" }]\nservices: { s: { endpoints: ["http://main"] } }\n';

  async function load(files: Readonly<Record<string, string>>): Promise<LoadedConfig> {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    return readConfig(join(folder, "torana.yaml"));
  }

  async function problems(files: Readonly<Record<string, string>>): Promise<string> {
    try {
      await load(files);
    } catch (error) {
      assert.ok(error instanceof ConfigError, String(error));
      return error.message.replaceAll(`${folder}/`, "");
    }
    return "";
  }

  test("bring routes and services of their own, before those of the main file", async () => {
    const { config, files } = await load({
      "torana.yaml": `${MAIN}routes: [{ name: team, match: { path: /team/* }, include: ./teams/a.yaml }]\n`,
      "teams/a.yaml":
        "services: { s: { endpoints: ['http://own'] } }\nroutes:\n  - { name: r, service: s, match: { path: /x }, policies: [{ ./p.ts: {} }] }\n  - { name: deep, include: b.json }\n",
      "teams/b.json": '{ "routes": [{ "name": "q", "service": "s" }] }',
    });
    assert.deepEqual(
      config.routes.map(({ name, split, origin, match }) => [
        name,
        split[0]?.service,
        origin.file,
        match[0]?.path[0],
      ]),
      [
        ["team.r", "team.s", join(folder, "teams/a.yaml"), "/team/x"],
        ["team.deep.q", "team.s", join(folder, "teams/b.json"), "/team/*"],
      ],
    );
    assert.deepEqual(Object.keys(config.services), ["s", "team.s"]);
    assert.equal(config.services["team.s"]?.endpoints[0]?.url, "http://own");
    assert.deepEqual(config.services["team.s"]?.origin?.path, ["services", "s"]);
    assert.deepEqual(Object.keys(config.routes[0]!.policies[0]!), [join(folder, "teams/p.ts")]);
    assert.deepEqual(
      files,
      ["torana.yaml", "teams/a.yaml", "teams/b.json"].map((name) => join(folder, name)),
    );
  });

  test("have their problems at their own places, beside those of the main file", async () => {
    const message = await problems({
      "torana.yaml": `${MAIN}wrokers: 2\nroutes:\n  - name: team\n    include: ./team.yaml\n  - name: other\n    include: ./broken.yaml\n`,
      "team.yaml": "routes:\n  - name: r\n    service: nope\n    timeout: soon\nlisteners: []\n",
      "broken.yaml": "routes: [\n",
    });
    assert.match(message, /^broken\.yaml:\d+:\d+: /m);
    assert.match(message, /^torana\.yaml:3:1: wrokers: /m);
    assert.match(message, /^team\.yaml:3:14: routes\[0\]\.service: there is no service "nope"/m);
    assert.match(message, /^team\.yaml:4:14: routes\[0\]\.timeout: not a time/m);
    assert.match(message, /^team\.yaml:5:1: listeners: is not known here/m);
  });

  test("see no service of another included file", async () => {
    const message = await problems({
      "torana.yaml": `${MAIN}routes: [{ name: a, include: ./a.yaml }, { name: b, include: ./b.yaml }]\n`,
      "a.yaml": "services: { t: { endpoints: ['http://a'] } }\nroutes: [{ name: r, service: t }]\n",
      "b.yaml": "routes: [{ name: r, service: t }]\n",
    });
    assert.match(message, /^b\.yaml:1:30: routes\[0\]\.service: there is no service "t"; write one of: s$/);
  });

  test("may not include themselves, lie outside, be missing, or take a taken name", async () => {
    const circle = await problems({
      "torana.yaml": `${MAIN}routes: [{ name: a, include: ./a.yaml }]\n`,
      "a.yaml": "routes: [{ name: b, include: ./b.yaml }]\n",
      "b.yaml": "routes: [{ name: c, include: ./a.yaml }]\n",
    });
    assert.match(circle, /^b\.yaml:1:30: routes\[0\]\.include: the file \.\/a\.yaml includes itself/m);
    writeFileSync(join(tmpdir(), "torana-outside.yaml"), "routes: []\n");
    symlinkSync(join(tmpdir(), "torana-outside.yaml"), join(folder, "link.yaml"));
    for (const path of ["../torana-outside.yaml", "link.yaml"])
      assert.match(
        await problems({ "torana.yaml": `${MAIN}routes: [{ name: a, include: ${path} }]\n` }),
        /torana\.yaml:3:30: routes\[0\]\.include: the file .* lies outside the folder/,
      );
    rmSync(join(tmpdir(), "torana-outside.yaml"));
    assert.match(
      await problems({ "torana.yaml": `${MAIN}routes: [{ name: a, include: ./none.yaml }]\n` }),
      /routes\[0\]\.include: the file \.\/none\.yaml cannot be read \(ENOENT\)/,
    );
    assert.match(
      await problems({
        "torana.yaml": `${MAIN.replace(" s:", " a.t: { endpoints: [http://x] }, s:")}routes: [{ name: a, include: ./a.yaml }]\n`,
        "a.yaml": "services: { t: { endpoints: ['http://a'] } }\nroutes: [{ name: r, service: t }]\n",
      }),
      /^a\.yaml:1:13: services\.t: the name "a\.t" is taken/m,
    );
  });
});
