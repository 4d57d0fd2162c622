/** The harness that users get: what it must find, it finds. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Failure, Reply } from "torana";
import { memoryGateway, pieces, runOnWire, runPolicy, testClock } from "torana/testing";
import { policyOf, textOf } from "./ways.ts";

test("a case that is wrong fails", () => {
  const file = fileURLToPath(new URL("policies/unproven.ts", import.meta.url));
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--test-reporter=tap", file], {
    encoding: "utf8",
    env,
  });
  const results = [...stdout.matchAll(/^ {4}(ok|not ok) \d+ - (.*)$/gm)].map(
    ([, ok, title]) => `${ok}: ${title}`,
  );
  const failed = [
    'refuses {"size":-1}',
    'refuses {"size":"1"}',
    "refuses an option that it does not know",
    ...[
      "the check fails",
      "the check rejects",
      "an assertion in the service fails",
      "the options are refused",
    ],
    ...["the request is none", "the check fails, through a real gateway"],
    ...[
      "refuses an option that it does not know",
      "an assertion in the service fails, through a real gateway",
    ],
  ];
  assert.deepEqual(
    results,
    failed.map((title) => `not ok: ${title}`),
    stderr,
  );
  assert.notEqual(status, 0);
});

test("memory and wire show the same of one request", async () => {
  const policy = policyOf({ request: () => undefined });
  const request = {
    method: "POST",
    target: "/a?b=c",
    host: "b.example",
    fields: { "X-One": "1" },
    body: ["x", "y"],
    trailers: { "x-end": "2" },
  };
  const service = (): Reply => {
    const reply = Reply.json(201, {}, { "x-two": "2" });
    reply.body = pieces(["{", "}"], { "x-last": "3" });
    return reply;
  };
  const runs = [
    await runPolicy(policy, {}, request, { service }),
    await runOnWire(policy, {}, request, service),
  ];
  for (const { reply, sent, exchange } of runs) {
    const [one] = sent;
    assert.deepEqual([one?.method, one?.target, `${one?.body}`], ["POST", "/a?b=c", "xy"]);
    assert.deepEqual([one?.fields.get("host"), one?.fields.get("x-one")], ["b.example", "1"]);
    assert.deepEqual([one?.trailers?.get("x-end"), one?.fields.has("content-length")], ["2", false]);
    assert.deepEqual([reply.status, textOf(reply)], [201, "{}"]);
    assert.deepEqual([reply.fields.get("x-two"), reply.trailers?.get("x-last")], ["2", "3"]);
    assert.deepEqual([exchange.outcome?.status, exchange.outcome?.complete], [201, true]);
    assert.equal(exchange.outcome?.bytes, 2);
  }
});

test("a failure of the service is one in memory and on the wire", async () => {
  const policy = policyOf({});
  const service = (): Failure => new Failure("response_cut");
  for (const run of [await runPolicy(policy, {}, {}, { service }), await runOnWire(policy, {}, {}, service)])
    assert.deepEqual([run.reply.status, run.exchange.outcome?.reason], [502, "response_cut"]);
});

test("a peer may be made up: a trusted one is believed", async () => {
  const fields = { "x-forwarded-for": "198.51.100.7", "x-request-id": "known" };
  for (const trusted of [false, true]) {
    const { exchange } = await runPolicy(
      policyOf({}),
      {},
      { fields },
      { peer: { address: "10.0.0.1", trusted } },
    );
    assert.equal(exchange.clientAddress, trusted ? "198.51.100.7" : "10.0.0.1");
    assert.equal(exchange.id === "known", trusted);
  }
});

test("a clock stands still until it is told", () => {
  const clock = testClock(1_000);
  assert.deepEqual([clock.now(), clock.wall()], [0, 1_000]);
  clock.advance(5);
  assert.deepEqual([clock.now(), clock.wall()], [5, 1_005]);
});

test("a request that the wire would refuse is refused in memory", () => {
  const gateway = memoryGateway({ policies: [] });
  assert.throws(() => gateway.begin({ host: "two hosts" }), /host_invalid|request_malformed/);
  assert.throws(() => gateway.begin({ fields: { "content-length": "-1" } }), Error);
});
