import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { createKey, writtenHash } from "../lib/api-key.ts";
import { hashPassword } from "../lib/password-hash.ts";
import { Reply } from "../lib/reply.ts";
import { defineAuthenticator } from "../pipeline/authenticator.ts";
import type { PolicyDefinition } from "../pipeline/policy.ts";
import { describePolicy, memoryGateway, type PolicyRun } from "../testing/index.ts";
import { anyOf } from "./any-of.ts";
import { basicAuth } from "./basic-auth.ts";
import { cors } from "./cors.ts";
import { hmac } from "./hmac.ts";
import { introspection } from "./introspection.ts";
import { jwt } from "./jwt.ts";
import { keyAuth } from "./key-auth.ts";
import { messageSignaturesPolicy } from "./message-signatures.ts";

const KEY = createKey();
const consumers = [
  { name: "machine", keys: [{ hash: writtenHash(KEY) }] },
  { name: "person", basic: [{ username: "ann", hash: await hashPassword("secret") }] },
  { name: "guest" },
];
const basic = (password: string): string => `Basic ${Buffer.from(`ann:${password}`).toString("base64")}`;

/** A login: who has no session is sent away. */
const login = defineAuthenticator({
  name: "login",
  options: z.strictObject({}),
  reasons: { login_missing: { status: 401, source: "downstream", title: "No session." } },
  compile: () => ({
    missing: "login_missing",
    authenticate: (x) =>
      x.request.field("x-session") === undefined ? Reply.text(303, "to the login") : { claims: { sub: "x" } },
    cleanse: (x) => x.outgoing.fields.remove("x-session"),
    response: (_x, reply) => void reply.fields.set("x-login", "seen"),
  }),
});

/** Who is unknown goes on, as with a login that is not needed. */
const everybody = defineAuthenticator({
  name: "test-all",
  options: z.strictObject({}),
  compile: () => ({ missing: "any_of_missing", authenticate: () => ({}) }),
});

const outcome = ({ reply, exchange }: PolicyRun): unknown[] => [
  reply.status,
  exchange.outcome?.reason,
  exchange.consumer?.name,
];
const methods = [{ "key-auth": {} }, { "basic-auth": {} }];
const both = { "x-api-key": KEY, authorization: basic("secret") };

describePolicy(anyOf, {
  consumers,
  beside: [keyAuth, basicAuth, login, cors, everybody],
  refused: [
    { options: {}, message: /methods/ },
    { options: { methods: [] }, message: /methods/ },
    { options: { methods: ["key-auth"] }, message: /not a policy/ },
    {
      options: { methods: [{ "key-auth": { optional: true } }] },
      message: /stands on the policy that has others/,
    },
    {
      options: { methods: [{ "key-aut": {} }] },
      message: /any-of\.methods\[0\].*there is no policy "key-aut"/,
    },
    {
      options: { methods: [{ cors: { origins: ["*"] } }] },
      message: /methods\[0\].*cors does not ask who calls/,
    },
    {
      options: { methods: [{ "key-auth": {} }, { "any-of": { methods: [{ "basic-auth": { realm: 1 } }] } }] },
      message: /any-of\.methods\[1\]\.any-of\.methods\[0\]\.basic-auth\.realm/,
    },
  ],
  steps: [
    {
      title: "believes the first that knows",
      options: { methods },
      request: { fields: both },
      check: (run) => assert.deepEqual(outcome(run), [200, undefined, "machine"]),
    },
    {
      title: "keeps from the service what nobody has looked at",
      options: { methods },
      request: { fields: { "x-api-key": KEY, authorization: basic("forged") } },
      check({ sent }) {
        const { fields } = sent[0]!;
        assert.deepEqual([fields.get("x-api-key"), fields.get("authorization")], [undefined, undefined]);
      },
    },
    {
      title: "leaves alone what is no credential of its ways",
      options: { methods },
      request: { fields: { "x-api-key": KEY, authorization: "Bearer of-the-service" } },
      check: ({ sent }) => assert.equal(sent[0]!.fields.get("authorization"), "Bearer of-the-service"),
    },
    {
      title: "keeps all credentials where it is told to",
      options: { methods, keepCredential: true },
      request: { fields: both },
      check: ({ sent }) => assert.equal(sent[0]!.fields.get("authorization"), both.authorization),
    },
    {
      title: "asks on behind one that lets everybody through",
      options: { methods: [{ "test-all": {} }, ...methods] },
      request: { fields: { "x-api-key": KEY } },
      check: (run) => assert.deepEqual(outcome(run), [200, undefined, "machine"]),
    },
    {
      title: "refuses what is wrong though one lets everybody through",
      options: { methods: [{ "test-all": {} }, ...methods] },
      request: { fields: { "x-api-key": "wrong" } },
      check: (run) => assert.deepEqual(outcome(run), [401, "key_unknown", undefined]),
    },
    {
      title: "has nobody count as the anonymous consumer, where one lets everybody through",
      options: { methods: [{ "test-all": {} }, ...methods], anonymous: "guest" },
      check: (run) => assert.deepEqual(outcome(run), [200, undefined, "guest"]),
    },
    {
      title: "lets everybody through where one does",
      options: { methods: [{ "test-all": {} }, ...methods] },
      check: (run) => assert.deepEqual(outcome(run), [200, undefined, undefined]),
    },
    {
      title: "asks the next where one found nothing",
      options: { methods },
      request: { fields: { authorization: basic("secret") } },
      check: (run) => assert.deepEqual(outcome(run), [200, undefined, "person"]),
    },
    {
      title: "asks the next where one was wrong",
      options: { methods: methods.toReversed() },
      request: { fields: { ...both, authorization: basic("wrong") } },
      check: (run) => assert.deepEqual(outcome(run), [200, undefined, "machine"]),
    },
    {
      title: "tells who is wrong everywhere the first reason, with all challenges",
      options: { methods },
      request: { fields: { "x-api-key": "unknown", authorization: basic("wrong") } },
      check(run) {
        assert.deepEqual(outcome(run), [401, "key_unknown", undefined]);
        const challenges = 'ApiKey realm="api", Basic realm="api", charset="UTF-8"';
        assert.equal(run.reply.fields.get("www-authenticate"), challenges);
      },
    },
    {
      title: "tells what is wrong before what is missing",
      options: { methods },
      request: { fields: { authorization: basic("wrong") } },
      check: (run) => assert.deepEqual(outcome(run), [401, "basic_auth_wrong", undefined]),
    },
    {
      title: "refuses who brings nothing, with all challenges",
      options: { methods },
      check(run) {
        assert.deepEqual(outcome(run), [401, "any_of_missing", undefined]);
        const challenges = 'ApiKey realm="api", Basic realm="api", charset="UTF-8"';
        assert.equal(run.reply.fields.get("www-authenticate"), challenges);
      },
    },
    {
      title: "takes who brings nothing for somebody",
      options: { methods, anonymous: "guest" },
      check: (run) => assert.deepEqual(outcome(run), [200, undefined, "guest"]),
    },
    {
      title: "refuses what is wrong although nothing is needed",
      options: { methods, optional: true },
      request: { fields: { "x-api-key": "unknown" } },
      check: (run) => assert.deepEqual(outcome(run), [401, "key_unknown", undefined]),
    },
    {
      title: "sends to the login only who brings nothing else",
      options: { methods: [{ login: {} }, ...methods] },
      request: { fields: { "x-api-key": KEY } },
      check: (run) => assert.deepEqual(outcome(run), [200, undefined, "machine"]),
    },
    {
      title: "sends to the login who brings nothing",
      options: { methods: [{ login: {} }, ...methods] },
      check(run) {
        assert.deepEqual(outcome(run), [303, undefined, undefined]);
        assert.equal(run.reply.fields.get("x-login"), "seen");
      },
    },
    {
      title: "tells who brings something wrong, and does not send it to the login",
      options: { methods: [{ login: {} }, ...methods] },
      request: { fields: { authorization: basic("wrong") } },
      check: (run) => assert.deepEqual(outcome(run), [401, "basic_auth_wrong", undefined]),
    },
    {
      title: "keeps from the service what no way of asking lets through",
      options: { methods: [...methods, { login: {} }] },
      request: { fields: { "x-api-key": KEY, "x-session": "s" } },
      check({ sent }) {
        const { fields } = sent[0]!;
        assert.deepEqual([fields.get("x-api-key"), fields.get("x-session")], [undefined, undefined]);
      },
    },
    {
      title: "stands in another of its kind",
      options: { methods: [{ "any-of": { methods } }, { login: {} }] },
      request: { fields: { authorization: basic("secret") } },
      check: (run) => assert.deepEqual(outcome(run), [200, undefined, "person"]),
    },
  ],
  wire: {
    title: "lets a user in by the second way",
    options: { methods },
    request: { fields: { authorization: basic("secret") } },
    check: ({ reply, sent }) => {
      assert.deepEqual([reply.status, sent.length], [200, 1]);
      assert.equal(sent[0]!.fields.get("authorization"), undefined);
    },
  },
});

test("an anonymous consumer inside is a need of the whole", () => {
  const config = { policies: [{ "any-of": { methods, anonymous: "nobody" } }] };
  const build = () => memoryGateway({ policies: [anyOf, keyAuth, basicAuth], config });
  assert.throws(build, /there is no consumer "nobody"/);
});

const forged: [PolicyDefinition, object, Record<string, string>][] = [
  [basicAuth, {}, { authorization: basic("forged") }],
  [jwt, { secret: "0123456789abcdef0123456789abcdef" }, { authorization: "Bearer e30.e30.forged" }],
  [
    introspection,
    { url: "https://idp.example/introspect", clientId: "a", clientSecret: "b" },
    { authorization: "Bearer forged" },
  ],
  [
    hmac,
    {},
    { authorization: 'hmac username="k", algorithm="hmac-sha256", headers="date", signature="AA=="' },
  ],
  [
    messageSignaturesPolicy,
    {},
    { signature: "sig=:AAAA:", "signature-input": 'sig=("@method");created=1;keyid="k"' },
  ],
];
for (const [policy, options, fields] of forged)
  test(`behind a key that is believed no forged credential of ${policy.name} reaches the service`, async (t) => {
    const ways = [{ "key-auth": {} }, { [policy.name]: options }];
    const gateway = memoryGateway({
      policies: [anyOf, keyAuth, policy],
      config: { consumers, policies: [{ "any-of": { methods: ways } }] },
    });
    t.after(() => gateway.close());
    const { reply, sent } = await gateway.send({ fields: { "x-api-key": KEY, ...fields } });
    assert.equal(reply.status, 200);
    for (const name of Object.keys(fields)) assert.equal(sent[0]!.fields.get(name), undefined, name);
  });
