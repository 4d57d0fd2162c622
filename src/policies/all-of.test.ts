import assert from "node:assert/strict";
import { z } from "zod";
import { createKey, writtenHash } from "../lib/api-key.ts";
import { hashPassword } from "../lib/password-hash.ts";
import { defineAuthenticator } from "../pipeline/authenticator.ts";
import { describePolicy, type PolicyRun } from "../testing/index.ts";
import { allOf } from "./all-of.ts";
import { basicAuth } from "./basic-auth.ts";
import { keyAuth } from "./key-auth.ts";

const KEY = createKey();
const OTHER = createKey();
const consumers = [
  {
    name: "billing",
    keys: [{ hash: writtenHash(KEY) }],
    basic: [{ username: "ann", hash: await hashPassword("secret") }],
  },
  { name: "orders", keys: [{ hash: writtenHash(OTHER) }] },
  { name: "guest" },
];
const ann = { authorization: `Basic ${Buffer.from("ann:secret").toString("base64")}` };

/** Believes what a field says. */
const said = (name: string) =>
  defineAuthenticator({
    name,
    options: z.strictObject({}),
    reasons: { [`${name}_missing`]: { status: 401, source: "downstream", title: "Nothing was said." } },
    compile: () => ({
      missing: `${name}_missing`,
      authenticate: async (x) => {
        const value = x.request.field(`x-${name}`);
        if (value === undefined) return undefined;
        return {
          credential: name,
          claims: JSON.parse(value) as Record<string, unknown>,
          hide: ({ outgoing }) => outgoing.fields.remove(`x-${name}`),
          forward: ({ outgoing }) => outgoing.fields.set(`x-seen-${name}`, "yes"),
        };
      },
    }),
  });

const outcome = ({ reply, exchange }: PolicyRun): unknown[] => [
  reply.status,
  exchange.outcome?.reason,
  exchange.consumer?.name,
];
const methods = [{ "key-auth": {} }, { "basic-auth": {} }];

describePolicy(allOf, {
  consumers,
  beside: [keyAuth, basicAuth, said("one"), said("two")],
  refused: [
    { options: { methods: [] }, message: /methods/ },
    {
      options: { methods: [{ "key-auth": { anonymous: "guest" } }] },
      message: /stands on the policy that has others/,
    },
    {
      options: { methods: [{ "basic-auth": { realm: 1 } }] },
      message: /all-of\.methods\[0\]\.basic-auth\.realm/,
    },
  ],
  steps: [
    {
      title: "knows who proves it in all ways",
      options: { methods },
      request: { fields: { "x-api-key": KEY, ...ann } },
      check(run) {
        assert.deepEqual(outcome(run), [200, undefined, "billing"]);
        const { fields } = run.sent[0]!;
        assert.deepEqual([fields.get("x-api-key"), fields.get("authorization")], [undefined, undefined]);
      },
    },
    {
      title: "refuses credentials of different consumers",
      options: { methods },
      request: { fields: { "x-api-key": OTHER, ...ann } },
      check: (run) => assert.deepEqual(outcome(run), [403, "all_of_mismatch", undefined]),
    },
    {
      title: "tells what is missing, with its challenge",
      options: { methods },
      request: { fields: { "x-api-key": KEY } },
      check(run) {
        assert.deepEqual(outcome(run), [401, "basic_auth_missing", undefined]);
        assert.equal(run.reply.fields.get("www-authenticate"), 'Basic realm="api", charset="UTF-8"');
      },
    },
    {
      title: "refuses what is wrong at once",
      options: { methods },
      request: { fields: { "x-api-key": "unknown", ...ann } },
      check(run) {
        assert.deepEqual(outcome(run), [401, "key_unknown", undefined]);
        assert.equal(run.reply.fields.get("www-authenticate"), 'ApiKey realm="api"');
      },
    },
    {
      title: "refuses who brings nothing, with all challenges",
      options: { methods },
      check(run) {
        assert.deepEqual(outcome(run), [401, "all_of_missing", undefined]);
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
      title: "refuses who brings but a part, although nothing is needed",
      options: { methods, optional: true },
      request: { fields: ann },
      check: (run) => assert.deepEqual(outcome(run), [401, "key_missing", undefined]),
    },
    {
      title: "puts claims together, the first to claim something is believed",
      options: { methods: [{ one: {} }, { two: {} }, { "key-auth": {} }] },
      request: { fields: { "x-one": '{"a":1,"b":1}', "x-two": '{"b":2,"c":2}', "x-api-key": KEY } },
      check(run) {
        assert.deepEqual(outcome(run), [200, undefined, "billing"]);
        assert.deepEqual({ ...run.exchange.claims }, { a: 1, b: 1, c: 2 });
        assert.equal(run.exchange.credential, "billing/key/1");
        const { fields } = run.sent[0]!;
        const seen = ["x-one", "x-two", "x-seen-one", "x-seen-two"].map((name) => fields.get(name));
        assert.deepEqual(seen, [undefined, undefined, "yes", "yes"]);
      },
    },
  ],
  wire: {
    title: "lets in who proves it in all ways",
    options: { methods },
    request: { fields: { "x-api-key": KEY, ...ann } },
    check: ({ reply, sent }) => assert.deepEqual([reply.status, sent.length], [200, 1]),
  },
});
