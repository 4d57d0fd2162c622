import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import { definePolicy } from "../pipeline/policy.ts";
import { describePolicy, memoryGateway, testClock } from "../testing/index.ts";
import { expression } from "./expression.ts";

describePolicy(expression, {
  refused: [
    { options: {}, message: /has no expression; write allow, deny or both/ },
    { options: { allow: ["request.path =="] }, message: /allow\[0\][\s\S]*is not a CEL expression/ },
    { options: { allow: ["true", "request.nothing == 1"] }, message: /allow\[1\][\s\S]*has an error/ },
    { options: { deny: ['request.path + "x"'] }, message: /deny\[0\][\s\S]*gives string, not true or false/ },
    { options: { deny: ["nobody == 1"] }, message: /Unknown variable/ },
  ],
  steps: [
    {
      title: "lets pass what one of the rules allows",
      options: { allow: ['request.method == "PUT"', 'request.path.startsWith("/open/")'] },
      request: { target: "/open/door" },
      check: ({ reply }) => assert.equal(reply.status, 200),
    },
    {
      title: "refuses what none of them allows",
      options: { allow: ['request.method == "PUT"', 'request.path.startsWith("/open/")'] },
      check({ reply, sent, exchange }) {
        assert.deepEqual([reply.status, sent.length], [403, 0]);
        assert.equal(exchange.outcome?.reason, "expression_denied");
      },
    },
    {
      title: "refuses what a rule denies, whatever another allows",
      options: { allow: ["true"], deny: ['request.query["debug"] == "1"'] },
      request: { target: "/?debug=1" },
      check: ({ exchange }) => assert.equal(exchange.outcome?.reason, "expression_denied"),
    },
    {
      title: "lets pass what no rule denies",
      options: { deny: ['"debug" in request.query && request.query["debug"] == "1"'] },
      check: ({ reply }) => assert.equal(reply.status, 200),
    },
    {
      title: "refuses where a rule that denies cannot be evaluated",
      options: { allow: ["true"], deny: ['request.query["debug"] == "1"'] },
      check({ reply, exchange }) {
        assert.equal(reply.status, 403);
        assert.equal(exchange.outcome?.reason, "expression_failed");
      },
    },
    {
      title: "refuses where no rule allows and one cannot be evaluated",
      options: { allow: ['claims.role == "admin"', "false"] },
      check: ({ exchange }) => assert.equal(exchange.outcome?.reason, "expression_failed"),
    },
    {
      title: "lets pass what one rule allows though another cannot be evaluated",
      options: { allow: ['claims.role == "admin"', "true"] },
      check: ({ reply }) => assert.equal(reply.status, 200),
    },
    {
      title: "refuses what gives neither true nor false",
      options: { allow: ['dyn(request.headers["x-n"])'] },
      request: { fields: { "x-n": "true" } },
      check: ({ exchange }) => assert.equal(exchange.outcome?.reason, "expression_failed"),
    },
    {
      title: "answers as it is told to",
      options: { allow: ["false"], reply: { status: 404, body: "nothing at ${request.path}" } },
      request: { target: "/secret" },
      check({ reply }) {
        assert.deepEqual([reply.status, Buffer.from(reply.body).toString()], [404, "nothing at /secret"]);
      },
    },
    {
      title: "knows client, listener, route, cookies, fields and what there is of TLS",
      options: {
        allow: [
          'client.address == "192.0.2.1" && listener == "test" && route == "all" && request.host == "a.example" && request.cookies["a"] == "b" && request.headers["x-a"] == "1" && tls.version == "TLSv1.3" && clientCertificate.san == ["a.example"] && clientCertificate.fingerprint == "ab"',
        ],
      },
      request: { fields: { cookie: "a=b", "x-a": "1" } },
      peer: {
        listener: "test",
        secure: true,
        tls: {
          protocol: "TLSv1.3",
          cipher: "c",
          serverName: "a.example",
          alpn: "h2",
          certificate: { subject: "CN=a", names: ["a.example"], fingerprint: "ab", notAfter: 0 },
        } as never,
      },
      check: ({ reply }) => assert.equal(reply.status, 200),
    },
  ],
  wire: {
    title: "refuses",
    options: { deny: ['request.method == "GET"'] },
    check({ reply, sent }) {
      assert.deepEqual([reply.status, sent.length], [403, 0]);
    },
  },
});

/** Says of every request what its field says. */
const said = definePolicy({
  name: "said",
  phase: "authenticate",
  options: z.strictObject({}),
  compile: () => (x) => {
    Object.assign(x, JSON.parse(x.request.field("x-said") ?? "{}"));
    return undefined;
  },
});

describe("expressions over who calls", () => {
  const statusOf = async (rule: string, who: object): Promise<number> => {
    const config = { policies: [{ said: {} }, { expression: { allow: [rule] } }] };
    const gateway = memoryGateway({ policies: [said, expression], config });
    const { reply } = await gateway.send({ fields: { "x-said": JSON.stringify(who) } });
    gateway.close();
    return reply.status;
  };
  const ada = { name: "ada", groups: ["staff"], tags: ["beta"], metadata: { tenant: "t1", seats: 3 } };
  const cases: readonly (readonly [rule: string, who: object, status: number])[] = [
    ['consumer.name == "ada"', { consumer: ada }, 200],
    ['consumer.name == "ada"', {}, 403],
    ['consumer.name != ""', {}, 403],
    ['"staff" in consumer.groups && "beta" in consumer.tags', { consumer: ada }, 200],
    ['"admin" in consumer.groups', { consumer: ada }, 403],
    ['consumer.metadata.tenant == "t1" && consumer.metadata.seats > 2.0', { consumer: ada }, 200],
    ["consumer.metadata.nothing == 1.0", { consumer: ada }, 403],
    ['"admin" in claims.realm.roles', { claims: { realm: { roles: ["admin"] } } }, 200],
    ['has(claims.email) && claims.email.endsWith("@a.example")', { claims: { email: "x@a.example" } }, 200],
    ['has(claims.email) && claims.email.endsWith("@a.example")', { claims: {} }, 403],
    ['credential == "key-1"', { credential: "key-1" }, 200],
  ];
  for (const [rule, who, status] of cases)
    test(`${rule} of ${JSON.stringify(who)} is ${status}`, async () => {
      assert.equal(await statusOf(rule, who), status);
    });
});

test("tells the log what cannot be evaluated, once a minute and without values of the request", async () => {
  const lines: string[] = [];
  const clock = testClock();
  const env = { owner: "route orders", clock, tell: (line: string) => void lines.push(line) };
  const compiled = expression.compile(
    { allow: ['int(request.headers[request.headers["authorization"]]) == 1'], deny: [] },
    env as never,
  );
  const step = compiled as (x: unknown) => unknown;
  const rejected: string[] = [];
  const exchange = {
    request: { fields: { entries: () => [["authorization", "s3cret"]] } },
    route: { name: "orders" },
    reject: (code: string) => void rejected.push(code),
  };
  step(exchange);
  step(exchange);
  assert.equal(lines.length, 1);
  clock.advance(60_000);
  step(exchange);
  assert.deepEqual([lines.length, new Set(rejected)], [2, new Set(["expression_failed"])]);
  assert.match(
    lines[0]!,
    /^route orders: expression allow\[0\] refuses requests, it cannot be evaluated .*No such key/,
  );
  assert.doesNotMatch(lines.join(""), /s3cret/);
});
