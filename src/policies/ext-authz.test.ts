import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Fields } from "../lib/fields.ts";
import { CallFailed, type CallReply, type CallRequest } from "../pipeline/calls.ts";
import { describePolicy, memoryGateway, testClock } from "../testing/index.ts";
import { extAuthz } from "./ext-authz.ts";

/** A field of a message that holds bytes, as protobuf writes it. */
function part(number: number, content: string | Buffer): Buffer {
  const bytes = Buffer.from(content as string);
  assert.ok(bytes.length < 128);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}

/** A field that holds a small number. */
function number(field: number, value: number): Buffer {
  return Buffer.from(value < 128 ? [field << 3, value] : [field << 3, (value & 0x7f) | 0x80, value >> 7]);
}

const header = (key: string, value: string): Buffer => part(1, Buffer.concat([part(1, key), part(2, value)]));
const status = (code: number): Buffer => part(1, code === 0 ? "" : number(1, code));
const OK = status(0);

function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function says(message: Buffer, trailers: Record<string, string> = { "grpc-status": "0" }): CallReply {
  return { status: 200, fields: new Fields(), body: framed(message), trailers: Fields.from(trailers) };
}

const SERVICE = { service: "main" };

describePolicy(extAuthz, {
  refused: [
    { options: {}, message: /service/ },
    { options: { service: "nobody" }, message: /there is no service "nobody"/ },
    { options: { ...SERVICE, cache: {} }, message: /cache\.key[\s\S]*is needed/ },
    { options: { ...SERVICE, headers: ["content-length"] }, message: /frames the message/ },
  ],
  steps: [
    {
      title: "lets pass what the service lets pass, with what it says",
      options: SERVICE,
      request: { target: "/x?a=1", fields: { "x-user": "root", authorization: "Bearer t" } },
      outside: () =>
        says(
          Buffer.concat([
            OK,
            part(
              3,
              Buffer.concat([
                part(2, header("X-User", "ada")),
                part(5, "authorization"),
                part(6, header("x-seen", "1")),
              ]),
            ),
          ]),
        ),
      check({ reply, sent }) {
        const { fields } = sent[0]!;
        assert.deepEqual([reply.status, reply.fields.get("x-seen")], [200, "1"]);
        assert.deepEqual([fields.all("x-user"), fields.has("authorization")], [["ada"], false]);
      },
    },
    {
      title: "refuses what the service refuses, with what it says",
      options: SERVICE,
      outside: () =>
        says(
          Buffer.concat([
            status(7),
            part(
              2,
              Buffer.concat([part(1, number(1, 429)), part(2, header("retry-after", "9")), part(3, "slow")]),
            ),
          ]),
        ),
      check({ reply, sent, exchange }) {
        assert.deepEqual([reply.status, Buffer.from(reply.body).toString(), sent.length], [429, "slow", 0]);
        assert.deepEqual(
          [reply.fields.get("retry-after"), exchange.outcome?.reason],
          ["9", "ext_authz_denied"],
        );
      },
    },
    {
      title: "refuses where it cannot be asked",
      options: SERVICE,
      outside: () => Promise.reject(new CallFailed("connect_failed", "down")),
      check: ({ reply, exchange }) =>
        assert.deepEqual([reply.status, exchange.outcome?.reason], [503, "ext_authz_unavailable"]),
    },
    {
      title: "lets pass where it cannot be asked and that is wanted",
      options: { ...SERVICE, onFailure: "allow" },
      outside: () => Promise.reject(new CallFailed("connect_failed", "down")),
      check: ({ reply }) => assert.equal(reply.status, 200),
    },
    {
      title: "tells a call of gRPC its status",
      options: SERVICE,
      request: { method: "POST", fields: { "content-type": "application/grpc", te: "trailers" }, body: "" },
      outside: () => says(status(7)),
      check: ({ reply }) => assert.deepEqual([reply.status, reply.fields.get("grpc-status")], [200, "7"]),
    },
  ],
  wire: {
    title: "refuses where the service speaks no gRPC",
    options: SERVICE,
    check({ reply, exchange }) {
      assert.deepEqual([reply.status, exchange.outcome?.reason], [503, "ext_authz_unavailable"]);
    },
  },
});

describe("answers that are none", () => {
  const bad: readonly (readonly [title: string, answer: Partial<CallReply>])[] = [
    ["a status of HTTP", { status: 404 }],
    ["a status of gRPC", { trailers: Fields.from({ "grpc-status": "14" }) }],
    ["no status of gRPC", { trailers: undefined }],
    ["no message", { body: Buffer.alloc(0) }],
    ["half a message", { body: framed(OK).subarray(0, 6) }],
    ["two messages", { body: Buffer.concat([framed(OK), framed(OK)]) }],
    ["a compressed message", { body: Buffer.concat([Buffer.from([1]), framed(OK).subarray(1)]) }],
    ["other bytes", { body: framed(Buffer.from([0x0a, 0xff, 0xff])) }],
    ["an empty message", { body: framed(Buffer.alloc(0)) }],
  ];
  for (const [title, answer] of bad)
    test(`${title} lets nobody pass`, async () => {
      const config = { policies: [{ "ext-authz": SERVICE }] };
      const outside = () => ({ ...says(OK), ...answer });
      const gateway = memoryGateway({ policies: [extAuthz], config, outside });
      const { reply, sent } = await gateway.send();
      gateway.close();
      assert.deepEqual([reply.status, sent.length], [503, 0]);
    });
});

test("the question is one call of gRPC, and decisions are remembered", async () => {
  const asked: CallRequest[] = [];
  const outside = (request: CallRequest): CallReply => {
    asked.push(request);
    return says(OK);
  };
  const clock = testClock();
  const cache = { for: "10s", key: ["x-key"] };
  const config = { policies: [{ "ext-authz": { ...SERVICE, timeout: "2s", cache } }] };
  const gateway = memoryGateway({ policies: [extAuthz], config, outside, clock });
  for (let i = 0; i < 3; i++) await gateway.send({ fields: { "x-key": "a" } });
  assert.equal(asked.length, 1);
  const [{ to, method, fields, body, timeout } = assert.fail()] = asked;
  assert.deepEqual(to, { service: "main", path: "/envoy.service.auth.v3.Authorization/Check" });
  assert.deepEqual([method, timeout, fields?.get("grpc-timeout")], ["POST", 2_000, "2000m"]);
  assert.equal(Buffer.from(body as Uint8Array).readUInt32BE(1), body!.length - 5);
  clock.advance(10_000);
  await gateway.send({ fields: { "x-key": "a" } });
  await gateway.send({ fields: { "x-key": "b" } });
  await gateway.send();
  assert.equal(asked.length, 4);
  gateway.close();
});
