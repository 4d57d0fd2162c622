import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { problemOf, request } from "../support/client.ts";
import { startService } from "../support/service.ts";
import { type Stage, stageOf } from "../support/stage.ts";

interface Match {
  host?: string | string[];
  path?: string | string[];
  method?: string | string[];
}

/** A gateway whose routes lead to services that say their route's name and the target. */
async function routed(t: TestContext, matches: Record<string, Match | undefined>): Promise<Stage> {
  const names = Object.keys(matches);
  const services = await Promise.all(
    names.map((name) => startService((incoming, outgoing) => void outgoing.end(`${name} ${incoming.url}`))),
  );
  const endpoints = names.map((name, index) => [name, { endpoints: [services[index]!.url] }]);
  const routes = names.map((name) => {
    const match = matches[name];
    return { name, ...(match ? { match } : {}), service: name };
  });
  return stageOf(t, services, { routes, services: Object.fromEntries(endpoints) });
}

/** Asks each line, "METHOD target [host]", and compares the name of the route that answered, or "404". */
async function expectRoutes(stage: Stage, expected: Record<string, string>): Promise<void> {
  const seen: Record<string, string> = {};
  for (const line of Object.keys(expected)) {
    const [method = "", target = "", host = "a.example"] = line.split(" ");
    const response = await stage.ask(request(`${method} ${target}`, { Host: host }), method);
    seen[line] = response.status === 200 ? response.text.split(" ")[0]! : String(response.status);
  }
  assert.deepEqual(seen, expected);
}

test("hosts: exact beats wildcard, the port does not count, neither does case", async (t) => {
  const stage = await routed(t, {
    wild: { host: "*.b.example" },
    exact: { host: ["www.b.example", "B2.example"] },
    rest: undefined,
  });
  await expectRoutes(stage, {
    "GET / www.b.example": "exact",
    "GET / www.b.example:8080": "exact",
    "GET / WWW.B.Example": "exact",
    "GET / b2.example": "exact",
    "GET / api.b.example": "wild",
    "GET / API.b.EXAMPLE:443": "wild",
    "GET / b.example": "rest",
    "GET / notb.example": "rest",
    "GET / xb.example": "rest",
    "GET / b.example.evil": "rest",
    "GET / 127.0.0.1": "rest",
    "GET / [::1]:8080": "rest",
  });
});

test("paths: exact beats prefix, the longest prefix wins, in whatever order they are written", async (t) => {
  const stage = await routed(t, {
    all: { path: "/*" },
    long: { path: "/a/b/*" },
    short: { path: "/a/*" },
    longest: { path: "/a/b/c/*" },
    exact: { path: ["/a/b/exact", "/"] },
  });
  await expectRoutes(stage, {
    "GET /": "exact",
    "GET /x": "all",
    "GET /a/x": "short",
    "GET /a/b/x": "long",
    "GET /a/b/c/d/e": "longest",
    "GET /a/b/cd": "long",
    "GET /a/b/exact": "exact",
    "GET /a/b/exact?x=1": "exact",
    "GET /a/b/exact/": "long",
    "GET /a/b/exactly": "long",
  });
});

test("a prefix matches itself with and without its slash, and whole segments only", async (t) => {
  const stage = await routed(t, { a: { path: "/a/*" } });
  await expectRoutes(stage, {
    "GET /a": "a",
    "GET /a/": "a",
    "GET /a/b": "a",
    "GET /a?x=/b": "a",
    "GET /ab": "404",
    "GET /": "404",
    "GET /b/a/": "404",
    "GET /A/b": "404",
  });
});

test("an exact path matches nothing else", async (t) => {
  const stage = await routed(t, { a: { path: "/a" } });
  await expectRoutes(stage, {
    "GET /a": "a",
    "GET /a?": "a",
    "GET /a?b=c": "a",
    "GET /a/": "404",
    "GET /a/b": "404",
    "GET /ab": "404",
    "GET /": "404",
  });
});

test("methods: a route takes those it names, others fall through", async (t) => {
  const stage = await routed(t, {
    read: { path: "/a/*", method: ["GET", "HEAD"] },
    write: { path: "/a/*", method: "POST" },
    any: { path: "/b/*" },
  });
  await expectRoutes(stage, {
    "GET /a/1": "read",
    "POST /a/1": "write",
    "GET /b/1": "any",
    "DELETE /b/1": "any",
    "PURGE /b/1": "any",
  });
  const missing = await stage.ask(request("DELETE /a/1"));
  assert.ok(missing.status === 404 || missing.status === 405, String(missing.status));
});

test("a route that names the host beats one that does not, whatever their paths", async (t) => {
  const stage = await routed(t, {
    anyhost: { path: "/a/b/*" },
    host: { host: "h.example" },
  });
  await expectRoutes(stage, {
    "GET /a/b/c h.example": "host",
    "GET /a/b/c other.example": "anyhost",
    "GET /x h.example": "host",
    "GET /x other.example": "404",
  });
});

test("a host whose paths do not match falls back to the routes without a host", async (t) => {
  const stage = await routed(t, {
    host: { host: "h.example", path: "/only/*" },
    wild: { host: "*.example", path: "/wild/*" },
    rest: undefined,
  });
  await expectRoutes(stage, {
    "GET /only/1 h.example": "host",
    "GET /wild/1 h.example": "wild",
    "GET /other h.example": "rest",
  });
});

test("each request on a connection is routed by itself", async (t) => {
  const stage = await routed(t, { a: { host: "a.example" }, b: { host: "b.example" } });
  const client = await stage.connect();
  for (let round = 0; round < 10; round++) {
    assert.equal((await client.ask(request("GET /1", { Host: "a.example" }))).text, "a /1");
    assert.equal((await client.ask(request("GET /2", { Host: "b.example" }))).text, "b /2");
  }
});

test("the target reaches the service as the client wrote it", async (t) => {
  const stage = await routed(t, { all: undefined });
  const client = await stage.connect();
  for (const target of [
    "/",
    "/a/",
    "/a/b%20c;v=1?x=%2F..%2F&y=//",
    "/?",
    "/a?b?c=d",
    "/%C3%A4?%00",
    "/a+b:c@d!$&'(*",
  ])
    assert.equal((await client.ask(request(`GET ${target}`))).text, `all ${target}`);
});

test("an absolute target names the host, and its path is what is matched", async (t) => {
  const stage = await routed(t, { a: { host: "a.example" }, b: { host: "b.example", path: "/in/*" } });
  const response = await stage.ask(request("GET http://b.example/in/x?y", { Host: "b.example" }));
  assert.equal(response.text.replace("http://b.example", ""), "b /in/x?y");
  const mixed = await stage.ask(request("GET http://b.example/in/x", { Host: "a.example" }));
  assert.match(mixed.status === 400 ? "refused" : mixed.text, /^(refused|b .*\/in\/x)$/);
});

test("a miss is a problem document that says so, and the connection goes on", async (t) => {
  const stage = await routed(t, { a: { path: "/a" } });
  const client = await stage.connect();
  for (let round = 0; round < 3; round++) {
    const response = await client.ask(request("GET /missing"));
    assert.equal(problemOf(response, 404)["reason"], "route_not_found");
    assert.equal(response.closes, false);
    assert.equal((await client.ask(request("GET /a"))).status, 200);
  }
  const head = await client.ask(request("HEAD /missing"), "HEAD");
  assert.equal(head.status, 404);
  assert.equal((await client.ask(request("GET /a"))).status, 200);
});
