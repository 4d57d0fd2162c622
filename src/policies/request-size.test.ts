import assert from "node:assert/strict";
import { test } from "node:test";
import { describePolicy, memoryGateway, runPolicy } from "../testing/index.ts";
import { requestSize } from "./request-size.ts";

const reasonOf = (body: Uint8Array): unknown => JSON.parse(Buffer.from(body).toString()).reason;

describePolicy(requestSize, {
  refused: [
    { options: {}, message: /max/ },
    { options: { max: -1 }, message: /max/ },
    { options: { max: "10 apples" }, message: /max: not a size; write a number of bytes, 10MB or 512KiB/ },
  ],
  steps: [
    {
      title: "lets a request without a body through",
      options: { max: 0 },
      check({ reply }) {
        assert.equal(reply.status, 200);
      },
    },
    {
      title: "lets a body of the greatest size through",
      options: { max: "5B" },
      request: { method: "POST", body: "12345" },
      check({ reply, sent: [request] }) {
        assert.deepEqual([reply.status, request?.body.toString()], [200, "12345"]);
      },
    },
    {
      title: "refuses a greater one by its length, before anything is read or sent",
      options: { max: 4 },
      request: { method: "POST", body: "12345" },
      check({ reply, sent, exchange }) {
        assert.deepEqual([reply.status, sent.length], [413, 0]);
        assert.equal(exchange.outcome?.reason, "body_too_large");
        assert.equal(reasonOf(reply.body), "body_too_large");
      },
    },
    {
      title: "lets pieces through up to the limit, with what stands behind them",
      options: { max: 5 },
      request: { method: "POST", body: ["12", "345"], trailers: { "x-sum": "15" } },
      check({ reply, sent: [request] }) {
        assert.deepEqual([reply.status, request?.body.toString()], [200, "12345"]);
        assert.equal(request?.trailers?.get("x-sum"), "15");
      },
    },
    {
      title: "cuts pieces at the limit",
      options: { max: 5 },
      request: { method: "POST", body: ["123", "456"] },
      check({ reply, exchange }) {
        assert.deepEqual([reply.status, exchange.outcome?.reason], [413, "body_too_large"]);
      },
    },
  ],
  wire: {
    title: "cuts a body whose length nobody told",
    options: { max: "64KiB" },
    request: { method: "POST", body: ["x".repeat(60_000), "y".repeat(60_000)] },
    check({ reply, exchange }) {
      assert.deepEqual([reply.status, exchange.outcome?.reason], [413, "body_too_large"]);
      assert.equal(reasonOf(reply.body), "body_too_large");
    },
  },
});

test("request-size reads sizes", async () => {
  const cases: [max: string | number, length: number, status: number][] = [
    ["1KB", 1_000, 200],
    ["1KB", 1_001, 413],
    ["1KiB", 1_024, 200],
    ["1KiB", 1_025, 413],
    ["0.5 KiB", 513, 413],
    [2, 3, 413],
  ];
  for (const [max, length, status] of cases) {
    const { reply } = await runPolicy(requestSize, { max }, { method: "POST", body: "x".repeat(length) });
    assert.equal(reply.status, status, `${max} ${length}`);
  }
});

test("request-size: the smallest of several limits holds", async () => {
  const gateway = memoryGateway({
    policies: [requestSize],
    config: {
      policies: [{ "request-size": { max: 100 } }],
      routes: [{ name: "all", service: "main", policies: [{ "request-size": { max: 3 } }] }],
    },
  });
  for (const body of ["1234", ["12", "34"]])
    assert.equal((await gateway.send({ method: "POST", body })).reply.status, 413);
  gateway.close();
});
