import assert from "node:assert/strict";
import { argon2Sync } from "node:crypto";
import { test } from "node:test";
import { hashPassword } from "../lib/password-hash.ts";
import { describePolicy, memoryGateway, type PolicyRun, testClock } from "../testing/index.ts";
import { basicAuth } from "./basic-auth.ts";

const PASSWORD = "grün & 秘密: ☃";
const hash = await hashPassword(PASSWORD);
const salt = Buffer.alloc(16, 7);
const argon = argon2Sync("argon2id", {
  message: "quick",
  nonce: salt,
  parallelism: 1,
  tagLength: 32,
  memory: 64,
  passes: 1,
});
const base64 = (bytes: Buffer): string => bytes.toString("base64").replace(/=+$/, "");

const consumers = [
  {
    name: "billing",
    basic: [
      { username: "jörg", hash },
      { username: "quick", hash: `$argon2id$v=19$m=64,t=1,p=1$${base64(salt)}$${base64(argon)}` },
      { username: "late", hash, expires: "2023-11-14" },
      { username: "early", hash, notBefore: "2023-11-15" },
    ],
  },
];

function basic(user: string, password: string): { fields: { authorization: string } } {
  return { fields: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` } };
}

const outcome = ({ reply, exchange, sent }: PolicyRun): unknown[] => [
  reply.status,
  exchange.outcome?.reason,
  exchange.consumer?.name,
  exchange.credential,
  sent.length,
];
const clock = testClock();

describePolicy(basicAuth, {
  consumers,
  refused: [
    { options: { remember: "soon" }, message: /not a time/ },
    { options: { realm: "" }, message: /not a realm/ },
  ],
  steps: [
    {
      title: "knows a user by a password in UTF-8, and keeps it from the service",
      options: {},
      request: basic("jörg", PASSWORD),
      check(run) {
        assert.deepEqual(outcome(run), [200, undefined, "billing", "jörg", 1]);
        assert.equal(run.sent[0]!.fields.get("authorization"), undefined);
      },
    },
    {
      title: "takes letters with marks however they are written",
      options: {},
      request: basic("jörg".normalize("NFD"), PASSWORD.normalize("NFD")),
      check: (run) => assert.deepEqual(outcome(run).slice(0, 3), [200, undefined, "billing"]),
    },
    {
      title: "knows hashes of argon2id",
      options: {},
      request: basic("quick", "quick"),
      check: (run) => assert.deepEqual(outcome(run), [200, undefined, "billing", "quick", 1]),
    },
    {
      title: "refuses a wrong password",
      options: { realm: "shop" },
      request: basic("quick", "quack"),
      check(run) {
        assert.deepEqual(outcome(run), [401, "basic_auth_wrong", undefined, undefined, 0]);
        assert.equal(run.reply.fields.get("www-authenticate"), 'Basic realm="shop", charset="UTF-8"');
      },
    },
    {
      title: "refuses an unknown user in the same words",
      options: {},
      request: basic("nobody", "quick"),
      check: (run) => assert.deepEqual(outcome(run), [401, "basic_auth_wrong", undefined, undefined, 0]),
    },
    {
      title: "says of a right password that it has expired",
      options: {},
      request: basic("late", PASSWORD),
      clock,
      check: (run) => assert.deepEqual(outcome(run).slice(0, 2), [401, "basic_auth_expired"]),
    },
    {
      title: "says of a wrong password that it is wrong, expired or not",
      options: {},
      request: basic("late", "wrong"),
      clock,
      check: (run) => assert.deepEqual(outcome(run).slice(0, 2), [401, "basic_auth_wrong"]),
    },
    {
      title: "says of a right password that its time is to come",
      options: {},
      request: basic("early", PASSWORD),
      clock,
      check: (run) => assert.deepEqual(outcome(run).slice(0, 2), [401, "basic_auth_not_yet"]),
    },
    {
      title: "leaves other schemes alone",
      options: {},
      request: { fields: { authorization: "Bearer x" } },
      check: (run) => assert.deepEqual(outcome(run).slice(0, 2), [401, "basic_auth_missing"]),
    },
    ...[
      "Basic",
      "Basic !!",
      "Basic bm9jb2xvbg==",
      "Basic OnBhc3M=",
      `Basic ${Buffer.from([0x61, 0x3a, 0xff]).toString("base64")}`,
    ].map((authorization) => ({
      title: `refuses ${authorization}`,
      options: {},
      request: { fields: { authorization } },
      check: (run: PolicyRun) => assert.deepEqual(outcome(run).slice(0, 2), [401, "basic_auth_malformed"]),
    })),
  ],
  wire: {
    title: "lets a user in",
    options: {},
    request: basic("quick", "quick"),
    check: ({ reply, sent }) => assert.deepEqual([reply.status, sent.length], [200, 1]),
  },
});

test("a password that was right is not hashed again, for as long as that is remembered", async (t) => {
  const time = testClock();
  const config = { policies: [{ "basic-auth": { remember: "1m" } }], consumers };
  const gateway = memoryGateway({ policies: [basicAuth], config, clock: time });
  t.after(() => gateway.close());
  assert.equal((await gateway.send(basic("jörg", PASSWORD))).reply.status, 200);
  // A step that need not wait has run when `begin` returns.
  const known = (): boolean => gateway.begin(basic("jörg", PASSWORD)).exchange.consumer !== undefined;
  assert.equal(known(), true);
  assert.equal(gateway.begin(basic("jörg", "wrong")).exchange.consumer, undefined);
  time.advance(59_999);
  assert.equal(known(), true);
  time.advance(1);
  assert.equal(known(), false);
});

test("who asks many times at once learns nothing of whether a user is known", async (t) => {
  const gateway = memoryGateway({
    policies: [basicAuth],
    config: { policies: [{ "basic-auth": {} }], consumers },
  });
  t.after(() => gateway.close());
  for (const user of ["quick", "nobody"]) {
    const all = await Promise.all(Array.from({ length: 200 }, () => gateway.send(basic(user, "wrong"))));
    assert.deepEqual(new Set(all.map(({ reply }) => reply.status)), new Set([401]), user);
  }
});

test("a flood of passwords is answered with 503 before it holds up everything", async (t) => {
  const gateway = memoryGateway({
    policies: [basicAuth],
    config: { policies: [{ "basic-auth": {} }], consumers },
  });
  t.after(() => gateway.close());
  assert.equal((await gateway.send(basic("jörg", PASSWORD))).reply.status, 200);
  const flood = Array.from({ length: 120 }, (_, i) => gateway.send(basic("quick", `guess ${i}`)));
  const known = await gateway.send(basic("jörg", PASSWORD));
  assert.equal(known.reply.status, 200, "who is known already is not held up");
  const statuses = (await Promise.all(flood)).map(({ reply }) => reply.status);
  const count = (status: number): number => statuses.filter((one) => one === status).length;
  assert.deepEqual([count(401), count(503)], [33, 87]);
});
