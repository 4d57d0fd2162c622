import assert from "node:assert/strict";
import { test } from "node:test";
import { HeldBody } from "../lib/body.ts";
import { Fields } from "../lib/fields.ts";
import { Reply } from "../lib/reply.ts";
import {
  describePolicy,
  memoryGateway,
  type PolicyRun,
  pieces,
  runPolicy,
  type ServiceFunction,
  type TestRequest,
} from "../testing/index.ts";
import { cors } from "./cors.ts";
import { grpcWeb } from "./grpc-web.ts";

const MESSAGE = Buffer.from("\x00\x00\x00\x00\x05hello", "latin1");
const END = frame("grpc-status:0\r\nx-sum:15\r\n");

/** The last frame of a body. */
function frame(lines: string): Buffer {
  return Buffer.concat([Buffer.from([0x80, 0, 0, 0, lines.length]), Buffer.from(lines)]);
}

function call(type: string, body: TestRequest["body"], fields: Record<string, string> = {}): TestRequest {
  return {
    method: "POST",
    target: "/a.B/C",
    fields: { "content-type": type, "x-grpc-web": "1", ...fields },
    body: body!,
  };
}

/** Answers as a gRPC service does. */
const echo: ServiceFunction = ({ body }) => answered(body);

function answered(body: Uint8Array): Reply {
  const trailers = Fields.from({ "grpc-status": "0", "x-sum": "15" });
  return new Reply(
    200,
    Fields.from({ "content-type": "application/grpc+proto" }),
    new HeldBody(body, trailers),
  );
}

const told = ({ reply }: PolicyRun): [number, string | undefined, string] => [
  reply.status,
  reply.fields.get("content-type"),
  Buffer.from(reply.body).toString("latin1"),
];

const whole = (...parts: Buffer[]): string => Buffer.concat(parts).toString("latin1");

describePolicy(grpcWeb, {
  refused: [{ options: { text: true }, message: /text/ }],
  steps: [
    {
      title: "binary: the service gets gRPC, the client its trailers as the last frame",
      options: {},
      request: call("application/grpc-web+proto", MESSAGE),
      service: echo,
      check(run) {
        assert.equal(run.sent[0]?.fields.get("content-type"), "application/grpc+proto");
        assert.deepEqual(run.sent[0]?.body, MESSAGE);
        assert.deepEqual(told(run), [200, "application/grpc-web+proto", whole(MESSAGE, END)]);
        assert.equal(run.exchange.outcome?.grpcStatus, 0);
      },
    },
    {
      title: "text: base64 both ways",
      options: {},
      request: call("application/grpc-web-text", MESSAGE.toString("base64")),
      service: echo,
      check(run) {
        assert.deepEqual(run.sent[0]?.body, MESSAGE);
        assert.deepEqual(told(run), [
          200,
          "application/grpc-web-text",
          Buffer.concat([MESSAGE, END]).toString("base64"),
        ]);
      },
    },
    {
      title: "text in pieces that are cut anywhere",
      options: {},
      request: call("application/grpc-web-text+proto", [..."AAAAAAVoZWxsbw=="]),
      service: echo,
      check(run) {
        assert.deepEqual(run.sent[0]?.body, MESSAGE);
      },
    },
    {
      title: "text that is no base64 is refused, in a frame that the browser's client reads",
      options: {},
      request: call("application/grpc-web-text", "n o t"),
      check({ reply, sent, exchange }) {
        const text = Buffer.from(Buffer.from(reply.body).toString(), "base64").toString("latin1", 5);
        assert.match(text, /^grpc-status:13\r\ngrpc-message:body_malformed: /);
        assert.deepEqual([reply.status, sent.length, exchange.outcome?.grpcStatus], [200, 0, 13]);
      },
    },
    {
      title: "an answer without a body has its status in the frame, and not in the head as well",
      options: {},
      request: call("application/grpc-web", MESSAGE),
      service: () =>
        new Reply(
          200,
          Fields.from({
            "content-type": "application/grpc",
            "grpc-status": "5",
            "grpc-message": "gone",
            "x-more": "1",
          }),
        ),
      check(run) {
        assert.deepEqual(told(run), [
          200,
          "application/grpc-web",
          frame("grpc-status:5\r\ngrpc-message:gone\r\n").toString("latin1"),
        ]);
        assert.deepEqual(
          [run.reply.fields.get("grpc-status"), run.reply.fields.get("x-more")],
          [undefined, "1"],
        );
        assert.equal(run.exchange.outcome?.grpcStatus, 5);
      },
    },
    {
      title: "a service that answers in plain HTTP is passed on as it is",
      options: {},
      request: call("application/grpc-web", MESSAGE),
      service: () => Reply.text(503, "busy"),
      check(run) {
        assert.deepEqual(told(run), [503, "text/plain; charset=utf-8", "busy"]);
        assert.equal(run.exchange.outcome?.grpcStatus, 14);
      },
    },
    {
      title: "what is no gRPC-Web passes untouched",
      options: {},
      request: { method: "POST", fields: { "content-type": "application/json" }, body: "{}" },
      check({ sent, reply, exchange }) {
        assert.equal(sent[0]?.fields.get("content-type"), "application/json");
        assert.deepEqual(
          [Buffer.from(reply.body).toString(), exchange.outcome?.grpcStatus],
          ["ok", undefined],
        );
      },
    },
  ],
  wire: {
    title: "asks the service for trailers and makes them a frame",
    options: {},
    request: call("application/grpc-web+proto", MESSAGE),
    service: ({ body, fields }) => {
      assert.equal(fields.get("te"), "trailers");
      return answered(body);
    },
    check(run) {
      assert.deepEqual(told(run), [200, "application/grpc-web+proto", whole(MESSAGE, END)]);
      assert.equal(run.reply.trailers, undefined);
    },
  },
});

test("grpc-web: a stream's messages go on one by one", async () => {
  const run = await runPolicy(grpcWeb, {}, call("application/grpc-web-text", MESSAGE.toString("base64")), {
    service: () =>
      new Reply(
        200,
        Fields.from({ "content-type": "application/grpc" }),
        pieces(["one", "three"], { "grpc-status": "0" }),
      ),
  });
  const end = frame("grpc-status:0\r\n").toString("base64");
  assert.equal(Buffer.from(run.reply.body).toString(), `b25ldGhyZWU=${end}`);
  assert.equal(run.exchange.outcome?.grpcStatus, 0);
});

test("grpc-web: a refusal can be read by the pages that cors lets in", async () => {
  const gateway = memoryGateway({
    policies: [grpcWeb, cors],
    config: {
      policies: [{ cors: { origins: ["https://a.example"] } }, { "grpc-web": {} }],
      routes: [{ name: "none", match: { path: "/other" }, service: "main" }],
    },
  });
  const { reply, exchange } = await gateway.send(
    call("application/grpc-web", MESSAGE, { origin: "https://a.example" }),
  );
  assert.equal(reply.fields.get("access-control-allow-origin"), "https://a.example");
  assert.match(Buffer.from(reply.body).toString("latin1", 5), /^grpc-status:12\r\n/);
  assert.equal(exchange.outcome?.reason, "route_not_found");
  gateway.close();
});

test("grpc-web: the client's timeout is the call's", async () => {
  const run = await runPolicy(grpcWeb, {}, call("application/grpc-web", MESSAGE, { "grpc-timeout": "20m" }), {
    service: ({ signal, fields }) => {
      assert.match(fields.get("grpc-timeout") ?? "", /^(?:[1-9]|1\d|20)m$/);
      return new Promise((done) => signal.addEventListener("abort", () => done(answered(MESSAGE))));
    },
  });
  assert.match(
    Buffer.from(run.reply.body).toString("latin1", 5),
    /^grpc-status:4\r\ngrpc-message:deadline_exceeded/,
  );
});
