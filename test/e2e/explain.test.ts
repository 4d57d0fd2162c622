/** What is explained is what happens: the same requests go through a real gateway, to real services. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Explanation } from "../../src/snapshot/explanation.ts";
import { request } from "../support/client.ts";
import { explained } from "../support/explain.ts";
import { Random } from "../support/random.ts";
import { type Service, startService } from "../support/service.ts";
import { type Stage, stageOf } from "../support/stage.ts";

interface Asked {
  readonly method: string;
  readonly host: string;
  readonly target: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** Sends a request, and has it explained by the snapshot that served it. */
async function both(stage: Stage, { method, host, target, fields }: Asked) {
  const bytes = request(`${method} ${target}`, { Host: host, ...fields });
  const response = await stage.ask(bytes, method);
  const { current } = stage.gateway.gateway.snapshots;
  const told = await explained(current, `http://${host}${target}`, {
    method,
    fields: Object.entries(fields),
  });
  return { response, told };
}

/** Tells in words where a request went, by what was explained. */
function saidOf({ refused, answer, forward, route }: Explanation): string {
  if (refused !== undefined) return `${refused.status} ${refused.reason}`;
  if (answer !== undefined) return `${answer.status} ${answer.reason ?? route?.name}`;
  return `${route?.name}: ${forward?.method} ${forward?.path}${forward?.query} for ${forward?.host}`;
}

/** A service that answers what it is asked, with the name of the route. */
function echo(): Promise<Service> {
  return startService(({ method, url, headers }, response) => {
    response.end(`${headers["x-route"]}: ${method} ${url} for ${headers.host}`);
  });
}

const HOSTS = ["api.example.com", "a.b.example", "x.a.b.example", "other"];
const PATHS = [
  "/",
  "/a",
  "/a/b",
  "/a/7/c",
  "/a//b",
  "/a/%62",
  "/A",
  "/a/../b",
  "/../x",
  "/p/q/r",
  "/a/b%2Fc",
];
const CONDITIONS = [
  {},
  { host: "api.example.com" },
  { host: ["*.b.example"] },
  { path: "/a/*" },
  { path: ["/a/b", "/p/*"], method: ["GET", "POST"] },
  { path: "/a/{id}" },
  { path: "/a/{id}/c", headers: { "x-tenant": "acme" } },
  { path: { regex: "/[a-z]/[a-z]" }, query: { v: "2" } },
  { host: "api.example.com", path: "/a/*", cookies: { canary: { present: true } } },
  { method: "PUT", when: "request.headers['x-tenant'] == 'acme'" },
];
const REWRITES = [
  undefined,
  { path: "/in" },
  { regex: { match: "b", to: "B" } },
  { host: "endpoint" },
  { host: "in.example" },
];

/** Routes at random: what they ask, how they rewrite, who may. */
function routesAtRandom(pick: <T>(list: readonly T[]) => T): object[] {
  return Array.from({ length: 9 }, (_, i) => {
    const match = pick(CONDITIONS);
    const rewrite = pick(REWRITES);
    const policies: object[] = [{ headers: { request: { set: { "x-route": `r${i}` } } } }];
    if (pick([true, false, false]))
      policies.push({ "ip-allow": { deny: [pick(["127.0.0.1", "10.0.0.0/8"])] } });
    const answers = pick([true, false, false, false]);
    if (answers) policies.push({ respond: { status: 203, body: `r${i}` } });
    return {
      name: `r${i}`,
      match,
      policies,
      ...(answers ? {} : { service: "main" }),
      ...(rewrite && { rewrite }),
    };
  });
}

test("what is explained of any request is what happens to it", async (t) => {
  const random = new Random(11);
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)]!;
  const kinds = new Set<string>();
  for (let round = 0; round < 6; round++) {
    const service = await echo();
    const routes = routesAtRandom(pick);
    const services = { main: { endpoints: [service.url] } };
    const stage = await stageOf(t, [service], { routes, services });
    for (let i = 0; i < 60; i++) {
      const fields = {
        ...pick([{}, { "x-tenant": "acme" }]),
        ...pick([{}, { cookie: "canary=1" }]),
      };
      const target = pick(PATHS) + pick(["", "?v=2", "?v=3"]);
      const asked = { method: pick(["GET", "PUT", "POST"]), host: pick(HOSTS), target, fields };
      const { response, told } = await both(stage, asked);
      const said = saidOf(told);
      const happened =
        response.status === 200
          ? response.text
          : `${response.status} ${response.status === 203 ? response.text : JSON.parse(response.text).reason}`;
      assert.equal(said, happened, JSON.stringify({ asked, routes }));
      kinds.add(/^\d+/.exec(happened)?.[0] ?? "forwarded");
    }
  }
  assert.deepEqual([...kinds].sort(), ["203", "400", "403", "404", "forwarded"]);
});

test("what the service gets is what was explained, field by field", async (t) => {
  const service = await startService((_request, response) => void response.end("ok"));
  const stage = await stageOf(t, [service], {
    policies: [{ "request-id": { header: "x-trace" } }],
    routes: [
      {
        name: "all",
        service: "main",
        match: { path: "/o/{id}" },
        rewrite: { path: "/v2/{id}" },
        policies: [
          {
            headers: {
              request: { remove: ["x-internal-*"], set: { "x-id": "${param.id}" }, rename: { "x-a": "x-b" } },
            },
          },
        ],
      },
    ],
    services: {
      main: { endpoints: [service.url], policies: [{ headers: { attempt: { add: { "x-try": "1" } } } }] },
    },
  });
  const fields = { "x-internal-a": "1", "x-a": "2", "x-same": "3" };
  const { response, told } = await both(stage, {
    method: "GET",
    host: "a.example",
    target: "/o/7?q=1",
    fields,
  });
  assert.equal(response.status, 200);
  const sent = new Map(Object.entries(fields));
  for (const { what, after } of told.forward!.changes) {
    if (!what.startsWith("field ")) continue;
    if (after === undefined) sent.delete(what.slice(6));
    else sent.set(what.slice(6), after);
  }
  const [seen] = service.seen;
  const got = new Map(
    seen!.fields
      .filter(([name]) => !/^(host|connection)$/i.test(name))
      .map(([name, value]) => [name.toLowerCase(), value]),
  );
  assert.equal(got.get("x-trace"), got.get("x-request-id"));
  for (const name of ["x-trace", "x-request-id"]) {
    assert.match(sent.get(name)!, /^\(new id \d\)$/);
    sent.set(name, got.get(name)!);
  }
  assert.deepEqual(new Map([...sent].sort()), new Map([...got].sort()));
  assert.equal(seen!.target, told.forward!.path + told.forward!.query);
  assert.equal(service.seen.length, 1, "explaining asks nobody");
});
