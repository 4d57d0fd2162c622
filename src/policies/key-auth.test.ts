import assert from "node:assert/strict";
import { test } from "node:test";
import { createKey, writtenHash } from "../lib/api-key.ts";
import { describePolicy, memoryGateway, type PolicyRun, testClock } from "../testing/index.ts";
import { keyAuth } from "./key-auth.ts";

const KEY = createKey();
const NEXT = createKey("next");
const OLD = createKey("old");
const LATER = createKey("later");

/** The clock of the tests stands on 2023-11-14. */
const consumers = [
  {
    name: "billing",
    groups: ["staff"],
    metadata: { tier: "gold" },
    keys: [
      { hash: writtenHash(KEY) },
      { id: "next", hash: writtenHash(NEXT), notBefore: "2023-01-01", expires: "2024-01-01T00:00:00+01:00" },
      { hash: writtenHash(OLD), expires: "2023-11-14" },
      { hash: writtenHash(LATER), notBefore: "2023-11-15" },
    ],
  },
  { name: "guest" },
];

const outcome = ({ reply, exchange, sent }: PolicyRun): unknown[] => [
  reply.status,
  exchange.outcome?.reason,
  exchange.consumer?.name,
  exchange.credential,
  sent.length,
];
const clock = testClock();

describePolicy(keyAuth, {
  consumers,
  refused: [
    { options: { from: [] }, message: /from/ },
    { options: { from: [{ header: "a b" }] }, message: /not a name/ },
    { options: { realm: 'a"b' }, message: /not a realm/ },
    { options: { anonymous: "nobody" }, message: /there is no consumer "nobody"/ },
  ],
  steps: [
    {
      title: "knows a consumer by its key, and keeps the key from the service",
      options: {},
      request: { fields: { "X-API-Key": KEY, accept: "text/plain" } },
      clock,
      check(run) {
        assert.deepEqual(outcome(run), [200, undefined, "billing", "billing/key/1", 1]);
        assert.deepEqual(run.exchange.consumer, {
          name: "billing",
          groups: ["staff"],
          metadata: { tier: "gold" },
        });
        assert.equal(run.sent[0]!.fields.get("x-api-key"), undefined);
        assert.equal(run.sent[0]!.fields.get("accept"), "text/plain");
      },
    },
    {
      title: "takes a second key beside the first",
      options: {},
      request: { fields: { "x-api-key": NEXT } },
      clock,
      check: (run) => assert.deepEqual(outcome(run), [200, undefined, "billing", "next", 1]),
    },
    {
      title: "gives the service the key where that is asked for",
      options: { keepCredential: true },
      request: { fields: { "x-api-key": KEY } },
      clock,
      check: ({ sent }) => assert.equal(sent[0]!.fields.get("x-api-key"), KEY),
    },
    {
      title: "refuses who brings none",
      options: { realm: "shop" },
      clock,
      check(run) {
        assert.deepEqual(outcome(run), [401, "key_missing", undefined, undefined, 0]);
        assert.equal(run.reply.fields.get("www-authenticate"), 'ApiKey realm="shop"');
      },
    },
    {
      title: "refuses an unknown key, also where none is needed",
      options: { optional: true },
      request: { fields: { "x-api-key": createKey() } },
      clock,
      check: (run) => assert.deepEqual(outcome(run), [401, "key_unknown", undefined, undefined, 0]),
    },
    {
      title: "refuses a key that has expired",
      options: {},
      request: { fields: { "x-api-key": OLD } },
      clock,
      check: (run) => assert.deepEqual(outcome(run).slice(0, 2), [401, "key_expired"]),
    },
    {
      title: "refuses a key whose time is to come",
      options: {},
      request: { fields: { "x-api-key": LATER } },
      clock,
      check: (run) => assert.deepEqual(outcome(run).slice(0, 2), [401, "key_not_yet"]),
    },
    {
      title: "goes on without one where that is allowed",
      options: { optional: true },
      check: (run) => assert.deepEqual(outcome(run), [200, undefined, undefined, undefined, 1]),
    },
    {
      title: "takes who brings none for somebody",
      options: { anonymous: "guest" },
      check: (run) => assert.deepEqual(outcome(run), [200, undefined, "guest", undefined, 1]),
    },
    {
      title: "refuses what is too long to be a key, unseen",
      options: {},
      request: { fields: { "x-api-key": "k".repeat(513) } },
      check: (run) => assert.deepEqual(outcome(run).slice(0, 2), [401, "key_malformed"]),
    },
    {
      title: "looks at several places in order, and takes the key out of all",
      options: { from: [{ header: "authorization", scheme: "Bearer" }, { query: "key" }, { cookie: "key" }] },
      request: {
        target: `/a?x=1&key=${KEY}&y=2`,
        fields: { authorization: `bearer ${KEY}`, cookie: `a=1; key=${KEY}; b=2` },
      },
      clock,
      check(run) {
        assert.deepEqual(outcome(run), [200, undefined, "billing", "billing/key/1", 1]);
        const { target, fields } = run.sent[0]!;
        assert.deepEqual(
          [target, fields.get("authorization"), fields.get("cookie")],
          ["/a?x=1&y=2", undefined, "a=1; b=2"],
        );
      },
    },
    {
      title: "does not take another scheme's credentials for a key",
      options: { from: [{ header: "authorization", scheme: "Bearer" }] },
      request: { fields: { authorization: "Basic YTpi" } },
      check(run) {
        assert.deepEqual(outcome(run).slice(0, 2), [401, "key_missing"]);
        assert.equal(run.reply.fields.get("www-authenticate"), 'Bearer realm="api"');
      },
    },
  ],
  wire: {
    title: "lets a key in by the query",
    options: { from: [{ query: "api_key" }] },
    request: { target: `/?api_key=${KEY}` },
    check: ({ reply, sent }) => assert.deepEqual([reply.status, sent[0]!.target], [200, "/"]),
  },
});

test("two keys in one field are no key", async (t) => {
  const gateway = memoryGateway({
    policies: [keyAuth],
    config: { policies: [{ "key-auth": {} }], consumers },
  });
  t.after(() => gateway.close());
  const run = await gateway.send({ fields: { "x-api-key": `${KEY}, ${KEY}` } });
  assert.deepEqual(outcome(run).slice(0, 2), [401, "key_malformed"]);
});

test("who counts as the anonymous consumer is known by no other one's credential", async (t) => {
  const gateway = memoryGateway({
    policies: [keyAuth],
    config: {
      policies: [{ "key-auth": {} }, { "key-auth": { from: [{ query: "key" }], anonymous: "guest" } }],
      consumers,
    },
  });
  t.after(() => gateway.close());
  const { exchange } = await gateway.send({ fields: { "x-api-key": KEY } });
  assert.deepEqual([exchange.consumer?.name, exchange.credential], ["guest", undefined]);
});
