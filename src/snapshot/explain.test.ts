import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { explained, snapshotOf } from "../../test/support/explain.ts";
import { parseConfig } from "../config/load.ts";
import { Reply } from "../lib/reply.ts";
import { definePolicy, type Step } from "../pipeline/policy.ts";
import { loadCatalog } from "./catalog.ts";
import { compileSnapshot } from "./compile.ts";
import { explainRequest } from "./explain.ts";
import { ExplainProblem } from "./explain-head.ts";
import type { Explanation } from "./explanation.ts";
import { Pools } from "./pools.ts";
import { RouteStates } from "./route-states.ts";
import { SlotNumbers } from "./slot-numbers.ts";

const RICH = `
listeners:
  - { name: public, address: "127.0.0.1:8080", trusted: ["10.9.0.0/16"] }
  - { name: internal, address: "127.0.0.1:8081" }
policies:
  - access-log: { to: /nowhere/at/all.log }
routes:
  - name: order
    match:
      - { path: "/never/{id}" }
      - { host: api.example.com, path: "/orders/{id}", method: GET, headers: { x-tenant: acme } }
    split:
      - { service: next, weight: 5, policies: [ { headers: { attempt: { set: { x-next: "1" } } } } ] }
      - { service: orders, weight: 95 }
    rewrite: { path: "/v2/{id}", host: endpoint }
    timeout: 5s
    policies:
      - headers: { request: { set: { x-from: torana } }, response: { set: { x-served: torana } } }
      - ip-allow: { allow: [10.0.0.0/8] }
  - { name: orders, match: { host: api.example.com, path: /orders/* }, service: orders }
  - { name: health, match: { path: /healthz }, policies: [ { respond: { json: { up: true } } } ] }
  - { name: inside, match: { path: /inside }, listeners: [internal], service: orders }
services:
  orders:
    endpoints: ["http://127.0.0.1:9001", "http://127.0.0.1:9002"]
    policies: [ { headers: { attempt: { set: { x-try: "1" } } } } ]
  next: { endpoints: ["http://127.0.0.1:9003"] }
`;

const ORDER = "http://api.example.com/orders/7?full=1";
const ACME = [["x-tenant", "acme"]] as const;

const verdicts = ({ steps }: Explanation): string[] =>
  steps.map(({ place, policy, verdict }) => `${place} ${policy} ${verdict}`);

suite("a request that is forwarded", async () => {
  const snapshot = await snapshotOf(RICH);
  const order = await explained(snapshot, ORDER, { fields: ACME, from: "10.1.2.3" });

  test("the route, the conditions that took it, its parameters", () => {
    assert.deepEqual(order.request, {
      method: "GET",
      scheme: "http",
      authority: "api.example.com",
      path: "/orders/7",
      query: "?full=1",
      listener: "public",
      clientAddress: "10.1.2.3",
    });
    assert.deepEqual(order.route, {
      name: "order",
      at: { file: "torana.yaml", path: "routes[0]" },
      matchIndex: 1,
      conditions: ["host api.example.com", "path /orders/{id}", "method GET", "header x-tenant = acme"],
      pattern: "/orders/{id}",
      params: { id: "7" },
    });
  });

  test("its steps in the order in which they run, with what they change", () => {
    assert.deepEqual(verdicts(order), [
      "authorize ip-allow goes-on",
      "request rewrite goes-on",
      "request headers goes-on",
      "attempt headers goes-on",
      "response headers goes-on",
      "log access-log not-run",
    ]);
    const [allow, rewrite, headers, attempt, response] = order.steps;
    assert.deepEqual([allow?.of, rewrite?.of, attempt?.of], ["route", "gateway", "service orders"]);
    assert.deepEqual(allow?.options, { allow: ["10.0.0.0/8"], deny: [] });
    assert.deepEqual(headers?.changes, [{ what: "field x-from", after: "torana" }]);
    assert.deepEqual(rewrite?.changes, [
      { what: "host", before: "api.example.com", after: "" },
      { what: "path", before: "/orders/7", after: "/v2/7" },
    ]);
    assert.deepEqual(attempt?.changes, [{ what: "field x-try", after: "1" }]);
    assert.deepEqual(response?.changes, [{ what: "field x-served", after: "torana" }]);
    assert.equal(order.certain, true);
  });

  test("the split, the service, and what it is asked", () => {
    const { changes, ...forward } = order.forward!;
    assert.deepEqual(forward, {
      service: "orders",
      shares: [
        { service: "next", percent: 5, followed: false },
        { service: "orders", percent: 95, followed: true },
      ],
      endpoints: ["http://127.0.0.1:9001", "http://127.0.0.1:9002"],
      timeouts: { connect: 1_000, response: 60_000, idle: 60_000 },
      deadline: 5_000,
      method: "GET",
      host: "127.0.0.1:9001",
      path: "/v2/7",
      query: "?full=1",
    });
    assert.deepEqual(
      changes.map(({ what, after }) => `${what} ${after}`),
      [
        "host 127.0.0.1:9001",
        "path /v2/7",
        "field x-forwarded-for 10.1.2.3",
        "field x-forwarded-proto http",
        "field x-forwarded-host api.example.com",
        "field x-request-id (new id 1)",
        "field via 1.1 torana",
        "field x-from torana",
        "field x-try 1",
      ],
    );
    assert.equal(order.answer, undefined);
  });

  test("the same question has the same answer, and nothing that serves is touched", async () => {
    const { use, forks, services } = snapshot;
    assert.deepEqual(await explained(snapshot, ORDER, { fields: ACME, from: "10.1.2.3" }), order);
    assert.deepEqual([use.exchanges, forks.size], [0, 0]);
    const { endpoints } = services.get("orders")!.service;
    assert.deepEqual(
      endpoints.map(({ pool }) => pool.size),
      [0, 0],
    );
    const fresh = (await snapshotOf(RICH)).services.get("orders")!.service;
    const first = (one: typeof fresh): string | undefined =>
      one.balancer.pick({} as never, one.endpoints, [])?.url;
    assert.equal(first(services.get("orders")!.service), first(fresh));
  });

  test("a trusted proxy speaks for its client", async () => {
    const fields = [...ACME, ["x-forwarded-for", "10.4.4.4"], ["x-request-id", "abc"]] as const;
    const { request, forward } = await explained(snapshot, ORDER, { fields, from: "10.9.0.1" });
    assert.equal(request.clientAddress, "10.4.4.4");
    assert.deepEqual(
      forward?.changes.find(({ what }) => what === "field x-forwarded-for")?.after,
      "10.4.4.4, 10.9.0.1",
    );
    assert.equal(
      forward?.changes.some(({ what }) => what === "field x-request-id"),
      false,
    );
  });
});

suite("a request that the gateway answers", async () => {
  const snapshot = await snapshotOf(RICH);

  test("the step that answers, and those that are not reached", async () => {
    const denied = await explained(snapshot, ORDER, { fields: ACME, from: "192.0.2.1" });
    assert.deepEqual(verdicts(denied), [
      "authorize ip-allow answers",
      "request rewrite not-reached",
      "request headers not-reached",
      "attempt headers not-reached",
      "response headers goes-on",
      "log access-log not-run",
    ]);
    const { status, reason } = denied.steps[0]!;
    assert.deepEqual([status, reason], [403, "ip_denied"]);
    assert.equal(denied.forward, undefined);
    assert.deepEqual([denied.answer?.status, denied.answer?.reason], [403, "ip_denied"]);
    assert.deepEqual(denied.answer?.fields.at(-1), ["x-served", "torana"]);
  });

  test("a policy that answers needs no service", async () => {
    const { answer, route } = await explained(snapshot, "http://a/healthz");
    assert.equal(route?.name, "health");
    assert.deepEqual(answer, { status: 200, fields: [["content-type", "application/json"]] });
  });

  test("no route: what came close, and why it was not taken", async () => {
    const missed = await explained(snapshot, "http://a/inside");
    assert.deepEqual(missed.route, { name: "(not found)", conditions: [], params: {} });
    assert.equal(missed.near[0]?.condition, 'listener is "public", not internal');
    assert.deepEqual(missed.near[0]?.at, { file: "torana.yaml", path: "routes[3]" });
    assert.deepEqual([missed.answer?.status, missed.answer?.reason], [404, "route_not_found"]);
    const taken = await explained(snapshot, "http://a:8081/inside");
    assert.deepEqual([taken.request.listener, taken.route?.name], ["internal", "inside"]);
  });

  test("what the wire refuses reaches no route", async () => {
    const climbing = await explained(snapshot, "http://a/../x");
    assert.deepEqual(climbing.refused, { status: 400, reason: "path_invalid" });
    const twice = await explained(snapshot, "http://a/", {
      fields: [
        ["host", "b"],
        ["host", "c"],
      ],
    });
    assert.equal(twice.refused?.reason, "host_invalid");
    assert.deepEqual([twice.route, twice.steps], [undefined, []]);
  });

  test("what is no request is not explained", async () => {
    const asked = (url: string, more = {}) => explained(snapshot, url, more);
    await assert.rejects(
      asked("a/b"),
      new ExplainProblem('"a/b" is not a URL; write http://host/path?query'),
    );
    await assert.rejects(asked("http://a/", { listener: "x" }), /no listener "x"; there is public, internal/);
    await assert.rejects(asked("http://a/", { from: "here" }), /"here" is not an address/);
    await assert.rejects(asked("http://a/", { fields: [["a", "b\r\nc: d"]] }), /on one line/);
  });
});

suite("steps of every kind", () => {
  const policyOf = (name: string, request: Step) =>
    definePolicy({ name, phase: "authorize", options: z.strictObject({}), compile: () => request });
  const config = (...names: string[]) => ({
    listeners: [{ name: "public", address: "127.0.0.1:0" }],
    routes: [{ name: "all", service: "main", policies: names.map((name) => ({ [name]: {} })) }],
    services: { main: { endpoints: ["http://127.0.0.1:9001"] } },
  });

  test("what somebody outside decides is unknown, whatever counts where nobody answers", async () => {
    const policies = [
      { "forward-auth": { service: "main", path: "/verify" } },
      { "ext-authz": { service: "main", onFailure: "allow" } },
    ];
    const written = { ...config(), routes: [{ name: "all", service: "main", policies }] };
    const explanation = await explained(await snapshotOf(written), "http://a/");
    assert.deepEqual(verdicts(explanation).slice(0, 2), [
      "authenticate forward-auth unknown",
      "authorize ext-authz unknown",
    ]);
    assert.equal(explanation.steps[0]?.note, "it asks somebody outside");
    assert.equal(explanation.certain, false);
  });

  test("what is unknown counts as going on, and is told", async () => {
    const policies = [
      policyOf("throws", () => {
        throw new Error("no such table");
      }),
      policyOf("rejects", () => Promise.reject(new Error("no network"))),
      policyOf("forks", async (x) => {
        await x.fork({ target: "/other" });
      }),
      policyOf("waits", () => new Promise(() => undefined)),
      policyOf("late", () => wait(1).then(() => undefined)),
      policyOf("stops", () => wait(1).then(() => Reply.text(418, "no"))),
    ];
    const names = policies.map(({ name }) => name);
    const { steps, certain, answer } = await explained(
      await snapshotOf(config(...names), policies),
      "http://a/",
    );
    assert.deepEqual(
      steps.map(({ policy, verdict, note }) => [policy, verdict, note]),
      [
        ["throws", "unknown", "it fails here, and may in traffic: no such table"],
        ["rejects", "unknown", "it fails here, and may in traffic: no network"],
        ["forks", "unknown", "it asks for a request of the gateway's own"],
        ["waits", "unknown", "it waits for an answer from outside"],
        ["late", "goes-on", undefined],
        ["stops", "answers", undefined],
      ],
    );
    assert.deepEqual([certain, answer?.status], [false, 418]);
  });

  test("copies share nothing with what serves, and are closed", async () => {
    const events: string[] = [];
    const counting = definePolicy({
      name: "counting",
      phase: "limit",
      options: z.strictObject({}),
      compile: (_options, env) => {
        let count = 0;
        const seen = env.slot<number>();
        const lines = env.lines("/nowhere/at/all.log");
        events.push(`made for ${env.owner}`);
        return {
          request: (x) => {
            seen.set(x, ++count);
            lines.write("not kept");
            return undefined;
          },
          response: (x, { fields }) => fields.set("x-count", String(seen.get(x))) as undefined,
          log: () => void events.push("logged"),
          close: () => void events.push("closed"),
        };
      },
    });
    const snapshot = await snapshotOf(config("counting"), [counting]);
    for (let round = 0; round < 2; round++) {
      const { steps } = await explained(snapshot, "http://a/");
      assert.deepEqual(steps[1]?.changes, [{ what: "field x-count", after: "1" }]);
    }
    assert.deepEqual(events, ["made for all", "made for all", "closed", "made for all", "closed"]);
  });

  test("a body is there to be read, and its transforms are told of but not run", async () => {
    const reader = definePolicy({
      name: "reader",
      phase: "request",
      options: z.strictObject({}),
      compile: () => ({
        body: { request: "buffer" },
        request: (x) => void x.outgoing.fields.set("x-length", String(x.outgoing.body?.length)) as undefined,
        requestBody: () => {
          throw new Error("it is not run");
        },
      }),
    });
    const snapshot = await snapshotOf(config("reader"), [reader]);
    const { steps, forward } = await explained(snapshot, "http://a/", { method: "POST", body: "häh" });
    assert.deepEqual(
      steps.map(({ place, verdict }) => `${place} ${verdict}`),
      ["request goes-on", "request-body not-run"],
    );
    assert.deepEqual(steps[0]?.changes, [{ what: "field x-length", after: "4" }]);
    assert.equal(forward?.method, "POST");
  });
});

test("nothing that came from the environment is told, and no login of the client", async () => {
  process.env["EXPLAIN_SECRET"] = "s3cr3t-word";
  process.env["EXPLAIN_SHORT"] = "abc";
  try {
    const config = parseConfig(
      `
listeners: [ { name: public, address: "127.0.0.1:0" } ]
routes:
  - name: all
    match: { headers: { x-key: "\${env:EXPLAIN_SECRET}" } }
    service: main
    policies:
      - headers:
          request: { set: { authorization: "Bearer \${env:EXPLAIN_SECRET}", x-key: "\${env:EXPLAIN_SECRET}" } }
          response: { set: { x-short: "\${env:EXPLAIN_SHORT}" } }
services: { main: { endpoints: ["http://127.0.0.1:9001"] } }
`,
      "torana.yaml",
    );
    const snapshot = compileSnapshot(config, {
      pools: new Pools("data"),
      states: new RouteStates(),
      slots: new SlotNumbers(),
      meter: { record: () => undefined },
      sink: { failure: () => undefined },
      catalog: await loadCatalog(config),
    });
    const fields = [
      ["x-key", "s3cr3t-word"],
      ["authorization", "Basic bG9naW46cGFzcw=="],
    ] as const;
    const told = await explainRequest(snapshot, { method: "GET", url: "http://a/", fields });
    assert.deepEqual(told.route?.conditions, ["header x-key = ***"]);
    const text = JSON.stringify(told);
    assert.doesNotMatch(text, /s3cr3t-word|bG9naW46cGFzcw|"abc"/);
    assert.match(text, /"x-short":"\*\*\*"/);
  } finally {
    delete process.env["EXPLAIN_SECRET"];
    delete process.env["EXPLAIN_SHORT"];
  }
});
