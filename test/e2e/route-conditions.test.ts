import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ConfigError } from "../../src/config/problem.ts";
import { Client, request } from "../support/client.ts";
import { startGateway } from "../support/gateway.ts";
import { startService } from "../support/service.ts";
import { type Stage, stageOf } from "../support/stage.ts";

interface RouteText {
  match?: object;
  rewrite?: object;
  listeners?: string[];
  priority?: number;
}

/** A gateway whose routes lead to one service, which says the route's name and the target that it was asked for. */
async function routed(t: TestContext, written: Record<string, RouteText>, rest: object = {}): Promise<Stage> {
  const names = Object.keys(written);
  const services = await Promise.all(
    names.map((name) =>
      startService(({ url, headers }, answer) => void answer.end(`${name} ${url} ${headers.host}`)),
    ),
  );
  const endpoints = names.map((name, i) => [name, { endpoints: [services[i]!.url] }]);
  const routes = names.map((name) => ({ name, service: name, ...written[name] }));
  return stageOf(t, services, { routes, services: Object.fromEntries(endpoints), ...rest });
}

async function ask(stage: Stage, line: string, fields: Record<string, string> = {}): Promise<string> {
  const response = await stage.ask(request(line, { Host: "a.example", ...fields }));
  return response.status === 200 ? response.text.split(" ").slice(0, 2).join(" ") : String(response.status);
}

test("fields, query parameters, cookies, the client's network and expressions choose the route", async (t) => {
  const match = { path: "/*" };
  const stage = await routed(t, {
    header: { match: { ...match, headers: { "X-Tenant": "acme" } } },
    regex: { match: { ...match, headers: { "x-tenant": { regex: "t[0-9]+" } } } },
    query: { match: { ...match, query: { v: "2 3" } } },
    cookie: { match: { ...match, cookies: { canary: { present: true } } } },
    when: { match: { ...match, when: 'request.headers["user-agent"].startsWith("bot/")' } },
    local: { match: { path: "/local/*", from: ["127.0.0.0/8"] } },
    elsewhere: { match: { path: "/else/*", from: ["192.0.2.0/24"] } },
    rest: {},
  });
  assert.equal(await ask(stage, "GET /a", { "x-tenant": "acme" }), "header /a");
  assert.equal(await ask(stage, "GET /a", { "x-tenant": "t42" }), "regex /a");
  assert.equal(await ask(stage, "GET /a", { "x-tenant": "t42x" }), "rest /a");
  assert.equal(await ask(stage, "GET /a?v=2+3"), "query /a?v=2+3");
  assert.equal(await ask(stage, "GET /a", { cookie: "a=b; canary=" }), "cookie /a");
  assert.equal(await ask(stage, "GET /a", { "user-agent": "bot/1" }), "when /a");
  assert.equal(await ask(stage, "GET /a"), "rest /a");
  assert.equal(await ask(stage, "GET /local/a"), "local /local/a");
  assert.equal(await ask(stage, "GET /else/a"), "rest /else/a");
});

test("parameters and expressions of the path fill in the path that the service sees", async (t) => {
  const stage = await routed(t, {
    template: { match: { path: "/orders/{id}/lines/{line}" }, rewrite: { path: "/v2/{line}/of/{id}" } },
    below: { match: { path: "/t/{tenant}/*" }, rewrite: { prefix: "/in" } },
    regex: { match: { path: { regex: "/u/(?<name>[a-z]+)" } }, rewrite: { path: "/people/{name}" } },
    replaced: { match: { path: "/old/*" }, rewrite: { regex: { match: "^/old/([^/]+)", to: "/new/$1/x" } } },
    host: { match: { path: "/host" }, rewrite: { host: "inner.example" } },
  });
  assert.equal(await ask(stage, "GET /orders/a%20b/lines/7?q=1"), "template /v2/7/of/a%20b?q=1");
  assert.equal(await ask(stage, "GET /t/acme/a/b?q"), "below /in/a/b?q");
  assert.equal(await ask(stage, "GET /t/acme"), "below /in");
  assert.equal(await ask(stage, "GET /u/kim"), "regex /people/kim");
  assert.equal(await ask(stage, "GET /u/7"), "404");
  assert.equal(await ask(stage, "GET /old/a/b"), "replaced /new/a/x/b");
  const { text } = await stage.ask(request("GET /host", { Host: "a.example" }));
  assert.equal(text, "host /host inner.example");
});

test("a route bound to a listener is not reached by another", async (t) => {
  const stage = await routed(
    t,
    { inside: { match: { path: "/a" }, listeners: ["in"] }, both: { match: { path: "/*" } } },
    { listeners: ["out", "in"].map((name) => ({ name, address: "127.0.0.1:0" })) },
  );
  for (const [listener, expected] of [
    ["out", "both"],
    ["in", "inside"],
  ] as const) {
    const client = await Client.open(stage.gateway.port(listener));
    t.after(() => client.socket.destroy());
    const { text } = await client.ask(request("GET /a"));
    assert.equal(text.split(" ")[0], expected);
  }
});

test("conditions that do not compile are problems with their place", async () => {
  const config = {
    routes: [
      { name: "a", match: { when: "request.path" }, service: "s" },
      { name: "b", match: [{ path: "/b" }, { path: "/a/../b" }], service: "s" },
    ],
    services: { s: { endpoints: ["http://127.0.0.1:1"] } },
  };
  await assert.rejects(startGateway(config), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.deepEqual(
      error.problems.map(({ path }) => path),
      ["routes[0].match.when", "routes[1].match[1]"],
    );
    assert.ok(error.problems.every(({ cure }) => cure !== undefined));
    return true;
  });
});
