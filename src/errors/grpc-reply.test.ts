import assert from "node:assert/strict";
import { test } from "node:test";
import { grpcFailureFields, grpcReply, grpcStatusOfReason } from "./grpc-reply.ts";
import { REASONS } from "./reasons.ts";

const NATIVE = { web: false, text: false, format: "+proto" };

test("a failed call is 200 with its status and message in the head, and no body", () => {
  const reply = grpcReply(NATIVE, "route_not_found", "id-1");
  assert.deepEqual([reply.status, reply.body, reply.reason], [200, undefined, "route_not_found"]);
  assert.deepEqual(Object.fromEntries(reply.fields.entries()), {
    "grpc-status": "12",
    "grpc-message": "route_not_found: No route matches this request.",
    "content-type": "application/grpc+proto",
    "x-request-id": "id-1",
  });
});

test("a failed call of gRPC-Web tells the same in its only frame", () => {
  const binary = grpcReply({ web: true, text: false, format: "" }, "connect_failed", "id-2", "no\nway");
  const lines =
    "grpc-status:14\r\ngrpc-message:connect_failed: The service could not be reached. no%0Away\r\n";
  const frame = Buffer.concat([Buffer.from([0x80, 0, 0, 0, lines.length]), Buffer.from(lines)]);
  assert.ok(binary.body !== undefined && "bytes" in binary.body);
  assert.deepEqual(Buffer.from(binary.body.bytes()), frame);
  assert.equal(binary.fields.get("content-type"), "application/grpc-web");
  assert.equal(binary.fields.get("grpc-status"), undefined);
  const text = grpcReply({ web: true, text: true, format: "" }, "connect_failed", "id-2", "no\nway");
  assert.ok(text.body !== undefined && "bytes" in text.body);
  assert.equal(Buffer.from(text.body.bytes()).toString(), frame.toString("base64"));
});

test("each status maps to what a gRPC client can act on", () => {
  const cases: [status: number, grpc: number][] = [
    [400, 13],
    [401, 16],
    [403, 7],
    [404, 12],
    [408, 4],
    [413, 8],
    [429, 14],
    [499, 1],
    [500, 13],
    [501, 12],
    [502, 14],
    [503, 14],
    [504, 4],
    [418, 2],
  ];
  for (const [status, grpc] of cases)
    assert.equal(grpcStatusOfReason({ status, source: "gateway", title: "" }), grpc, String(status));
  assert.equal(grpcStatusOfReason({ status: 404, grpc: 5, source: "gateway", title: "" }), 5);
});

test("every reason of the gateway ends a call with a failure", () => {
  for (const code of Object.keys(REASONS)) {
    const status = Number(grpcFailureFields(code).get("grpc-status"));
    assert.ok(status >= 1 && status <= 16, code);
  }
});

test("a policy's own reason is looked up among those it declared", () => {
  const fields = grpcFailureFields("key_unknown", undefined, {
    key_unknown: { status: 401, source: "downstream", title: "Who?" },
  });
  assert.deepEqual([fields.get("grpc-status"), fields.get("grpc-message")], ["16", "key_unknown: Who?"]);
});
