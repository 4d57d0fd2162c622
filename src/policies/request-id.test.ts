import assert from "node:assert/strict";
import { test } from "node:test";
import { describePolicy, memoryGateway, runPolicy, testClock } from "../testing/index.ts";
import { requestId } from "./request-id.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describePolicy(requestId, {
  refused: [
    { options: { header: "bad name" }, message: /header: not the name of a field/ },
    { options: { header: "connection" }, message: /the gateway writes it itself/ },
    { options: { accept: "all" }, message: /accept/ },
    { options: { format: "snowflake" }, message: /format/ },
  ],
  steps: [
    {
      title: "makes one id for log, service and client",
      options: {},
      request: { fields: { "x-request-id": "theirs" } },
      check({ reply, sent, exchange }) {
        assert.match(exchange.id, UUID);
        assert.deepEqual(reply.fields.all("x-request-id"), [exchange.id]);
        assert.deepEqual(sent[0]?.fields.all("x-request-id"), [exchange.id]);
      },
    },
    {
      title: "takes a trusted proxy's over",
      options: {},
      request: { fields: { "x-request-id": "theirs" } },
      peer: { trusted: true },
      check({ reply, sent, exchange }) {
        assert.equal(exchange.id, "theirs");
        assert.equal(reply.fields.get("x-request-id"), "theirs");
        assert.deepEqual(sent[0]?.fields.all("x-request-id"), ["theirs"]);
      },
    },
    {
      title: "takes nobody's over",
      options: { accept: "never", respond: false },
      request: { fields: { "x-request-id": "theirs" } },
      peer: { trusted: true },
      check({ reply, sent, exchange }) {
        assert.match(exchange.id, UUID);
        assert.equal(reply.fields.has("x-request-id"), false);
        assert.deepEqual(sent[0]?.fields.all("x-request-id"), [exchange.id]);
      },
    },
    {
      title: "takes anyone's over, by a field of another name",
      options: { header: "X-Correlation-Id", accept: "anyone" },
      request: { fields: { "x-correlation-id": "abc/1", "x-request-id": "other" } },
      check({ reply, sent, exchange }) {
        assert.equal(exchange.id, "abc/1");
        assert.equal(reply.fields.get("x-correlation-id"), "abc/1");
        assert.deepEqual(sent[0]?.fields.all("x-correlation-id"), ["abc/1"]);
        assert.deepEqual(sent[0]?.fields.all("x-request-id"), ["abc/1"]);
      },
    },
    {
      title: "takes over nothing that is no id",
      options: { accept: "anyone" },
      request: { fields: { "x-request-id": 'a"b c' } },
      check({ exchange }) {
        assert.match(exchange.id, UUID);
      },
    },
    {
      title: "makes ids that sort by time",
      options: { format: "uuid7" },
      clock: testClock(0x0123456789ab),
      check({ exchange }) {
        assert.match(exchange.id, /^01234567-89ab-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      },
    },
    {
      title: "makes ids of 32 digits",
      options: { format: "hex" },
      check({ exchange }) {
        assert.match(exchange.id, /^[0-9a-f]{32}$/);
      },
    },
  ],
  wire: {
    title: "echoes anyone's id",
    options: { accept: "anyone" },
    request: { fields: { "x-request-id": "client-1" } },
    check({ reply, sent }) {
      assert.equal(reply.fields.get("x-request-id"), "client-1");
      assert.equal(sent[0]?.fields.get("x-request-id"), "client-1");
    },
  },
});

test("request-id stands on refusals of the gateway, in field and document alike", async () => {
  const gateway = memoryGateway({
    policies: [requestId],
    config: {
      policies: [{ "request-id": { accept: "anyone" } }],
      routes: [{ name: "a", match: { path: "/a" }, service: "main" }],
    },
  });
  const { reply } = await gateway.send({ target: "/b", fields: { "x-request-id": "mine" } });
  assert.deepEqual(reply.fields.all("x-request-id"), ["mine"]);
  assert.equal(JSON.parse(Buffer.from(reply.body).toString()).requestId, "mine");
  gateway.close();
});

test("request-id never gives one id twice", async () => {
  for (const format of ["uuid", "uuid7", "hex"] as const) {
    const ids = new Set<string>();
    for (let i = 0; i < 50; i++) ids.add((await runPolicy(requestId, { format })).exchange.id);
    assert.equal(ids.size, 50, format);
  }
});
