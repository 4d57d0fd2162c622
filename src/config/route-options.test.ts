import assert from "node:assert/strict";
import { test } from "node:test";
import { checkConfig } from "./load.ts";
import { ConfigError } from "./problem.ts";
import type { RouteConfig } from "./route-schema.ts";

function routesOf(route: object): readonly RouteConfig[] {
  return checkConfig({
    listeners: [{ name: "test", address: "127.0.0.1:0" }],
    services: { main: { endpoints: ["http://127.0.0.1:9001"] } },
    routes: [{ name: "one", service: "main", ...route }],
  }).routes;
}

function problem(route: object): { path: string; reason: string } {
  try {
    routesOf(route);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    const [{ path, reason } = { path: "", reason: "" }] = error.problems;
    return { path, reason };
  }
  throw new Error("it was taken");
}

test("buffer: true is 1 MiB, a size is that, and what is left out passes as it comes", () => {
  const cases: [written: object | undefined, read: object | undefined][] = [
    [undefined, undefined],
    [{}, { request: 0, response: 0 }],
    [{ request: true }, { request: 1_048_576, response: 0 }],
    [
      { request: "10MB", response: 4_096 },
      { request: 10_000_000, response: 4_096 },
    ],
    [
      { request: false, response: true },
      { request: 0, response: 1_048_576 },
    ],
  ];
  for (const [buffer, read] of cases)
    assert.deepEqual(routesOf(buffer === undefined ? {} : { buffer })[0]!.buffer, read);
});

test("websocket: its defaults let everybody in and set no limit", () => {
  assert.equal(routesOf({})[0]!.websocket, undefined);
  const none = { origins: [], idleTimeout: 0, maxLifetime: 0, grace: 0 };
  assert.deepEqual(routesOf({ websocket: {} })[0]!.websocket, none);
  const origins = ["https://a.example", "https://*.b.example:8443", { regex: "https://c[0-9]+\\.example" }];
  assert.deepEqual(
    routesOf({ websocket: { origins, idleTimeout: "60s", maxLifetime: "24h", grace: "10s" } })[0]!.websocket,
    { origins, idleTimeout: 60_000, maxLifetime: 86_400_000, grace: 10_000 },
  );
});

test("what is wrong is named with its place", () => {
  const cases: [route: object, path: RegExp, reason: RegExp][] = [
    [{ buffer: { request: "ten" } }, /buffer\.request$/, /size/],
    [{ buffer: { requests: true } }, /buffer\.requests$/, /not known here/],
    [{ websocket: { origins: ["a.example"] } }, /websocket\.origins\[0\]$/, /not an origin/],
    [{ websocket: { origins: ["https://a.example/path"] } }, /websocket\.origins\[0\]$/, /not an origin/],
    [{ websocket: { origins: [{ regex: "(" }] } }, /websocket\.origins\[0\]/, /regular expression|origin/],
    [{ websocket: { idleTimeout: "soon" } }, /websocket\.idleTimeout$/, /not a time/],
    [{ websocket: { idle: "1s" } }, /websocket\.idle$/, /not known here/],
  ];
  for (const [route, path, reason] of cases) {
    const found = problem(route);
    assert.match(found.path, path, JSON.stringify(route));
    assert.match(found.reason, reason, JSON.stringify(route));
  }
});

test("routes inherit both from the route above, unless they say their own", () => {
  const [first, second] = checkConfig({
    listeners: [{ name: "test", address: "127.0.0.1:0" }],
    services: { main: { endpoints: ["http://127.0.0.1:9001"] } },
    routes: [
      {
        name: "group",
        buffer: { request: 10 },
        websocket: { idleTimeout: "1s" },
        routes: [
          { name: "a", service: "main", match: { path: "/a" } },
          { name: "b", service: "main", match: { path: "/b" }, buffer: { response: 5 } },
        ],
      },
    ],
  }).routes;
  assert.deepEqual([first!.buffer?.request, first!.websocket?.idleTimeout], [10, 1_000]);
  assert.deepEqual([second!.buffer, second!.websocket?.idleTimeout], [{ request: 0, response: 5 }, 1_000]);
});
