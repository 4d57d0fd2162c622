import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { definePolicy } from "../pipeline/policy.ts";
import { describePolicy, memoryGateway } from "../testing/index.ts";
import { identity } from "./identity.ts";

const headers = { "X-Consumer": "consumer.name" };

describePolicy(identity, {
  refused: [
    { options: { headers: {} }, message: /tells the service nothing/ },
    {
      options: { headers: { "x-a": "consumer.secret" } },
      message: /not known of who calls; write one of consumer\.name/,
    },
    { options: { headers: { "x-a": "claims." } }, message: /not known of who calls/ },
    { options: { headers: { host: "consumer.name" } }, message: /rewrite/ },
    { options: { headers: { "transfer-encoding": "consumer.name" } }, message: /frames the message/ },
    { options: { headers: { "a-b-c-d-e-f-g-h": "credential" } }, message: /more than 7 words/ },
  ],
  steps: [
    {
      title: "takes a client's own word away, in every spelling, also where nobody is known",
      options: { headers: { ...headers, "x-user-email": "claims.email" } },
      request: {
        fields: {
          "X-CONSUMER": "root",
          x_consumer: "root",
          "x-user-email": "a",
          x_user_email: "b",
          "x-user_email": "c",
          "x_user-email": "d",
          "x-other": "stays",
        },
      },
      check({ sent }) {
        const names = [...sent[0]!.fields.entries()].map(([name]) => name);
        assert.deepEqual(
          names.filter((name) => /^x[-_](consumer|user|other)/.test(name)),
          ["x-other"],
        );
      },
    },
    {
      title: "takes it away in trailers too",
      options: { headers },
      request: { method: "POST", body: ["a", "b"], trailers: { "x-consumer": "root", "x-sum": "1" } },
      check({ sent }) {
        assert.equal(sent[0]!.body.toString(), "ab");
        assert.deepEqual([...(sent[0]!.trailers?.entries() ?? [])], [["x-sum", "1"]]);
      },
    },
  ],
  wire: {
    title: "takes a client's own word away",
    options: { headers },
    request: {
      method: "POST",
      fields: { "x-consumer": "root" },
      body: ["x"],
      trailers: { "x-consumer": "root" },
    },
    check({ reply, sent }) {
      assert.equal(reply.status, 200);
      assert.deepEqual(
        [sent[0]!.fields.has("x-consumer"), sent[0]!.trailers?.has("x-consumer")],
        [false, undefined],
      );
    },
  },
});

const known = definePolicy({
  name: "known",
  phase: "authenticate",
  options: z.strictObject({ claims: z.record(z.string(), z.unknown()).default({}) }),
  compile:
    ({ claims }) =>
    (x) => {
      x.consumer = {
        name: "Zoë\r\nx-admin: 1",
        groups: ["a", "b,c", "100%"],
        tags: [],
        metadata: { plan: { name: "gold", "a.b": 1 }, n: 5 },
      };
      x.credential = "key-1";
      x.claims = claims;
      return undefined;
    },
});

async function told(map: Record<string, string>, claims: object = {}, more: object = {}) {
  const policies = [{ known: { claims } }, { identity: { headers: map, ...more } }];
  const gateway = memoryGateway({ policies: [known, identity], config: { policies } });
  const { sent, exchange } = await gateway.send();
  gateway.close();
  const fields = Object.fromEntries(Object.keys(map).map((name) => [name, sent[0]?.fields.get(name)]));
  return { fields, reason: exchange.outcome?.reason };
}

test("identity: tells what is known, so that nothing can end the field or begin another", async () => {
  const { fields } = await told(
    {
      "x-name": "consumer.name",
      "x-groups": "consumer.groups",
      "x-tags": "consumer.tags",
      "x-plan": "consumer.metadata.plan",
      "x-plan-name": "consumer.metadata.plan.name",
      "x-n": "consumer.metadata.n",
      "x-key": "credential",
      "x-email": "claims.email",
      "x-deep": "claims.a.b",
      "x-none": "claims.none",
      "x-proto": "claims.constructor",
      "x-blank": "claims.blank",
      "x-lone": "claims.lone",
    },
    { email: "zoë@example.com", a: { b: [1, true, null, { c: "," }] }, blank: " a b ", lone: "\ud800" },
  );
  assert.deepEqual(fields, {
    "x-name": "Zo%C3%AB%0D%0Ax-admin: 1",
    "x-groups": "a,b%2Cc,100%25",
    "x-tags": undefined,
    "x-plan": '{"name":"gold","a.b":1}',
    "x-plan-name": "gold",
    "x-n": "5",
    "x-key": "key-1",
    "x-email": "zo%C3%AB@example.com",
    "x-deep": '1,true,{"c":"%2C"}',
    "x-none": undefined,
    "x-proto": undefined,
    "x-blank": "%20a b%20",
    "x-lone": "%EF%BF%BD",
  });
  assert.equal(decodeURIComponent(fields["x-name"]!), "Zoë\r\nx-admin: 1");
});

test("identity: what is too long is refused, not cut", async () => {
  const { reason } = await told(
    { "x-a": "claims.a", "x-b": "claims.b" },
    { a: "x".repeat(40), b: "y".repeat(40) },
    { maxBytes: 64 },
  );
  assert.equal(reason, "identity_too_large");
});
