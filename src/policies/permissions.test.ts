import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import type { Consumer } from "../pipeline/consumer.ts";
import { definePolicy } from "../pipeline/policy.ts";
import { describePolicy, memoryGateway } from "../testing/index.ts";
import { permissions } from "./permissions.ts";

describePolicy(permissions, {
  refused: [{ options: { unlisted: "maybe" }, message: /unlisted/ }],
  steps: [
    {
      title: "refuses whom nobody knows, also where the unlisted may ask",
      options: { unlisted: "allow" },
      check({ reply, sent, exchange }) {
        assert.deepEqual([reply.status, sent.length], [403, 0]);
        assert.equal(exchange.outcome?.reason, "permission_missing");
      },
    },
  ],
  wire: {
    title: "refuses",
    options: {},
    check({ reply, sent }) {
      assert.deepEqual([reply.status, sent.length], [403, 0]);
    },
  },
});

const READER: Consumer["permissions"] = [
  { methods: ["GET", "HEAD"], paths: ["/orders/*"] },
  { methods: ["POST"], paths: ["/orders", "/orders/{id}/cancel"] },
];

test("permissions are methods and paths as routes write them", async () => {
  const cases: [options: object, permissions: Consumer["permissions"], asked: string, status: number][] = [
    [{}, READER, "GET /orders", 200],
    [{}, READER, "GET /orders/7", 200],
    [{}, READER, "GET /ordersx", 403],
    [{}, READER, "DELETE /orders/7", 403],
    [{}, READER, "POST /orders/7", 403],
    [{}, READER, "POST /orders/7/cancel", 200],
    [{}, READER, "POST /orders/7/cancel/x", 403],
    [{}, READER, "GET /admin", 403],
    [{}, [], "GET /orders", 403],
    [{ unlisted: "allow" }, [], "GET /orders", 403],
    [{}, [{ methods: [], paths: [] }], "PUT /anything", 200],
    [{}, undefined, "GET /orders", 403],
    [{ unlisted: "allow" }, undefined, "GET /orders", 200],
  ];
  for (const [options, list, asked, status] of cases) {
    const who = definePolicy({
      name: "ada",
      phase: "authenticate",
      options: z.strictObject({}),
      compile: () => (x) => {
        x.consumer = { name: "ada", ...(list && { permissions: list }) };
        return undefined;
      },
    });
    const gateway = memoryGateway({
      policies: [who, permissions],
      config: { policies: [{ ada: {} }, { permissions: options }] },
    });
    const [method = "", target = ""] = asked.split(" ");
    const { reply } = await gateway.send({ method, target });
    gateway.close();
    assert.equal(reply.status, status, `${JSON.stringify(options)} ${asked}`);
  }
});
