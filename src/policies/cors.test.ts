import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { Failure } from "../errors/failure.ts";
import { Reply } from "../lib/reply.ts";
import { definePolicy } from "../pipeline/policy.ts";
import { describePolicy, memoryGateway, runPolicy, type TestRequest } from "../testing/index.ts";
import { cors } from "./cors.ts";

const preflight = (origin: string, fields: Record<string, string> = {}): TestRequest => ({
  method: "OPTIONS",
  fields: { origin, "access-control-request-method": "PUT", ...fields },
});

describePolicy(cors, {
  refused: [
    { options: {}, message: /origins/ },
    { options: { origins: [] }, message: /origins/ },
    { options: { origins: ["a.example"] }, message: /origins\[0\]: not an origin/ },
    { options: { origins: ["https://a.example/"] }, message: /not an origin/ },
    { options: { origins: ["https://*"] }, message: /not an origin/ },
    { options: { origins: ["https://a.*.example"] }, message: /not an origin/ },
    { options: { origins: [{ regex: "(" }] }, message: /not a regular expression/ },
    { options: { origins: ["*"], credentials: true }, message: /origins\[0\]: lets everybody in/ },
    { options: { origins: ["https://a.example", "null"], credentials: true }, message: /origins\[1\]: lets/ },
    { options: { origins: [{ regex: "https://.*" }], credentials: true }, message: /lets everybody in/ },
    { options: { origins: ["*"], methods: ["GE T"] }, message: /not the name of a method/ },
    { options: { origins: ["*"], maxAge: "soon" }, message: /not a time/ },
  ],
  steps: [
    {
      title: "answers a preflight itself",
      options: { origins: ["https://a.example"], credentials: true, maxAge: "1h", privateNetwork: true },
      request: preflight("https://a.example", {
        "access-control-request-headers": "authorization,x-a",
        "access-control-request-private-network": "true",
      }),
      check({ reply, sent }) {
        assert.equal(sent.length, 0);
        assert.equal(reply.status, 204);
        assert.equal(reply.body.length, 0);
        const of = (name: string): string | undefined => reply.fields.get(`access-control-${name}`);
        assert.equal(of("allow-origin"), "https://a.example");
        assert.equal(of("allow-methods"), "GET, HEAD, POST, PUT, PATCH, DELETE");
        assert.equal(of("allow-headers"), "authorization,x-a");
        assert.equal(of("allow-credentials"), "true");
        assert.equal(of("max-age"), "3600");
        assert.equal(of("allow-private-network"), "true");
        assert.deepEqual(reply.fields.all("vary").sort(), [
          "access-control-request-headers",
          "access-control-request-method",
          "origin",
        ]);
      },
    },
    {
      title: "refuses a preflight of an origin that is not listed",
      options: { origins: ["https://a.example"] },
      request: preflight("https://b.example"),
      check({ reply, sent, exchange }) {
        assert.equal(sent.length, 0);
        assert.deepEqual([reply.status, exchange.outcome?.reason], [403, "cors_origin_refused"]);
        assert.equal(reply.fields.has("access-control-allow-origin"), false);
        assert.equal(reply.fields.get("vary"), "origin");
      },
    },
    {
      title: "lets an OPTIONS that is no preflight through",
      options: { origins: ["*"] },
      request: { method: "OPTIONS", fields: { origin: "https://a.example" } },
      check({ sent, reply }) {
        assert.equal(sent.length, 1);
        assert.equal(reply.fields.get("access-control-allow-origin"), "*");
      },
    },
    {
      title: "allows listed fields and methods only, where they are listed",
      options: { origins: ["*"], methods: ["GET"], headers: ["x-a", "x-b"], expose: ["x-c", "x-d"] },
      request: preflight("https://a.example", { "access-control-request-headers": "x-z" }),
      check({ reply }) {
        assert.equal(reply.fields.get("access-control-allow-origin"), "*");
        assert.equal(reply.fields.get("access-control-allow-methods"), "GET");
        assert.equal(reply.fields.get("access-control-allow-headers"), "x-a, x-b");
        assert.equal(reply.fields.has("access-control-allow-private-network"), false);
        assert.equal(reply.fields.get("access-control-expose-headers"), "x-c, x-d");
      },
    },
    {
      title: "replaces what the service says, and keeps its Vary",
      options: { origins: ["https://a.example"] },
      request: { fields: { origin: "https://a.example" } },
      service: () =>
        Reply.text(200, "ok", {
          "access-control-allow-origin": "*",
          "access-control-allow-credentials": "true",
          vary: "accept-encoding",
        }),
      check({ reply }) {
        assert.deepEqual(reply.fields.all("access-control-allow-origin"), ["https://a.example"]);
        assert.equal(reply.fields.has("access-control-allow-credentials"), false);
        assert.deepEqual(reply.fields.all("vary"), ["accept-encoding", "origin"]);
      },
    },
    {
      title: "tells a page of another origin nothing, but lets it ask",
      options: { origins: ["https://a.example"], credentials: true },
      request: { fields: { origin: "https://b.example" } },
      service: () => Reply.text(200, "ok", { "access-control-allow-origin": "*", vary: "Origin" }),
      check({ reply, sent }) {
        assert.deepEqual([reply.status, sent.length], [200, 1]);
        assert.equal(reply.fields.has("access-control-allow-origin"), false);
        assert.equal(reply.fields.has("access-control-allow-credentials"), false);
        assert.deepEqual(reply.fields.all("vary"), ["Origin"]);
      },
    },
    {
      title: "stands on answers that the gateway makes for a service that failed",
      options: { origins: ["https://a.example"] },
      request: { fields: { origin: "https://a.example" } },
      service: () => new Failure("connect_failed"),
      check({ reply }) {
        assert.equal(reply.status, 502);
        assert.equal(reply.fields.get("access-control-allow-origin"), "https://a.example");
      },
    },
  ],
  wire: {
    title: "answers a preflight",
    options: { origins: ["https://*.a.example"] },
    request: preflight("https://www.a.example"),
    check({ reply, sent }) {
      assert.deepEqual([reply.status, sent.length], [204, 0]);
      assert.equal(reply.fields.get("access-control-allow-origin"), "https://www.a.example");
    },
  },
});

test("cors knows its origins from those that only look like them", async () => {
  const origins = [
    "https://a.example",
    "https://*.b.example:8443",
    { regex: "https://c[0-9]\\.example" },
    "null",
  ];
  const cases: [string, boolean][] = [
    ["https://a.example", true],
    ["http://a.example", false],
    ["https://a.example:444", false],
    ["https://a.example.evil.example", false],
    ["https://evil-a.example", false],
    ["https://x.b.example:8443", true],
    ["https://y.x.b.example:8443", true],
    ["https://b.example:8443", false],
    ["https://xb.example:8443", false],
    ["https://x.b.example", false],
    ["https://evil.example/.b.example:8443", false],
    ["https://.b.example:8443", false],
    ["https://c1.example", true],
    ["https://c1.example.evil.example", false],
    ["https://xhttps://c1.example", false],
    ["null", true],
    ["", false],
  ];
  for (const [origin, allowed] of cases) {
    const { reply } = await runPolicy(cors, { origins }, { fields: { origin } });
    const told = reply.fields.get("access-control-allow-origin");
    assert.equal(told, allowed ? origin : undefined, origin);
  }
});

test("cors answers before anybody is asked who they are, and browsers can read the refusal", async () => {
  const auth = definePolicy({
    name: "auth",
    phase: "authenticate",
    options: z.strictObject({}),
    reasons: { who: { status: 401, source: "downstream", title: "Who?" } },
    compile: () => (x) => x.reject("who"),
  });
  const gateway = memoryGateway({
    policies: [cors, auth],
    config: { policies: [{ auth: {} }, { cors: { origins: ["https://a.example"] } }] },
  });
  assert.equal((await gateway.send(preflight("https://a.example"))).reply.status, 204);
  const { reply } = await gateway.send({ fields: { origin: "https://a.example" } });
  assert.deepEqual(
    [reply.status, reply.fields.get("access-control-allow-origin")],
    [401, "https://a.example"],
  );
  gateway.close();
});
