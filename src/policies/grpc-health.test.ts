import assert from "node:assert/strict";
import { test } from "node:test";
import type { PolicyRun } from "../testing/index.ts";
import { describePolicy, memoryGateway, type TestRequest } from "../testing/index.ts";
import { grpcHealth } from "./grpc-health.ts";

/** A HealthCheckRequest in a frame. */
function check(service: string, method = "Check"): TestRequest {
  const name = Buffer.from(service);
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return call(Buffer.concat([head, message]), method);
}

function call(body: Uint8Array, method = "Check"): TestRequest {
  const fields = { "content-type": "application/grpc", te: "trailers", connection: "te" };
  return { method: "POST", target: `/grpc.health.v1.Health/${method}`, fields, body };
}

const OPTIONS = { services: ["shop.v1.Orders"] };
const IS_SERVING = [0, 0, 0, 0, 2, 0x08, 1];

function failsWith(status: string, reason: string): (run: PolicyRun) => void {
  return ({ reply, exchange }) => {
    assert.deepEqual([reply.status, reply.fields.get("grpc-status")], [200, status]);
    assert.deepEqual([exchange.outcome?.reason, exchange.outcome?.grpcStatus], [reason, Number(status)]);
    assert.equal(reply.body.length, 0);
  };
}

describePolicy(grpcHealth, {
  refused: [
    { options: { services: "shop" }, message: /services/ },
    { options: { services: [""] }, message: /services/ },
  ],
  steps: [
    ...["", "shop.v1.Orders"].map((service) => ({
      title: `Check of ${service || "the gateway"}: it serves`,
      options: OPTIONS,
      request: check(service),
      check: ({ reply, exchange }: PolicyRun) => {
        assert.deepEqual([...reply.body], IS_SERVING);
        assert.deepEqual([reply.status, reply.trailers?.get("grpc-status")], [200, "0"]);
        assert.equal(exchange.outcome?.grpcStatus, 0);
      },
    })),
    {
      title: "Check of a service that nobody named: NOT_FOUND",
      options: OPTIONS,
      request: check("shop.v1.Other"),
      check: failsWith("5", "health_service_unknown"),
    },
    {
      title: "List names all that serve",
      options: OPTIONS,
      request: check("", "List"),
      check: ({ reply }) => {
        const member = [0x0a, 20, 0x0a, 14, ...Buffer.from("shop.v1.Orders"), 0x12, 2, 8, 1];
        const message = [0x0a, 6, 0x0a, 0, 0x12, 2, 8, 1, ...member];
        assert.deepEqual([...reply.body], [0, 0, 0, 0, message.length, ...message]);
      },
    },
    {
      title: "a method that there is not: UNIMPLEMENTED",
      options: OPTIONS,
      request: check("", "Improve"),
      check: failsWith("12", "health_method_unknown"),
    },
    {
      title: "fields of later versions are passed over",
      options: OPTIONS,
      request: call(Buffer.from([0, 0, 0, 0, 11, 0x10, 0x96, 1, 0x1d, 1, 2, 3, 4, 0x22, 1, 0x41])),
      check: ({ reply }) => assert.deepEqual([...reply.body], IS_SERVING),
    },
  ],
  wire: {
    title: "Check",
    options: OPTIONS,
    request: check("shop.v1.Orders"),
    check: ({ reply }) => {
      assert.deepEqual([...reply.body], IS_SERVING);
      assert.equal(reply.trailers?.get("grpc-status"), "0");
    },
  },
});

test("grpc-health: what is no HealthCheckRequest is refused, whatever its bytes", async () => {
  const gateway = memoryGateway({
    policies: [grpcHealth],
    config: { routes: [{ name: "health", policies: [{ "grpc-health": {} }] }] },
  });
  const broken = [
    [],
    [0, 0, 0, 0],
    [1, 0, 0, 0, 0],
    [0, 0, 0, 0, 3, 0x0a],
    [0, 0, 0, 0, 2, 0x0a, 5],
    [0, 0, 0, 0, 2, 0x0b, 0],
    [0, 0, 0, 0, 1, 0x80],
    [0, 0, 0, 0, 1, 0x10],
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ];
  for (const bytes of broken) {
    const { reply } = await gateway.send(call(Uint8Array.from(bytes)));
    assert.equal(reply.fields.get("grpc-status"), "3", String(bytes));
  }
  gateway.close();
});

test("grpc-health: Watch tells the status at once and goes on until the client leaves", async () => {
  const gateway = memoryGateway({
    policies: [grpcHealth],
    config: { routes: [{ name: "health", policies: [{ "grpc-health": {} }] }] },
  });
  const watching = gateway.begin(check("unknown", "Watch"));
  watching.reply.catch(() => undefined);
  await new Promise((resume) => setImmediate(resume));
  assert.deepEqual([watching.exchange.reply?.status, watching.exchange.ended], [200, false]);
  watching.leave();
  assert.equal(watching.exchange.outcome?.grpcStatus, 1);
  gateway.close();
});
