/** gRPC through the gateway, with @grpc/grpc-js at both ends. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { Metadata, status } from "@grpc/grpc-js";
import { TestAuthority } from "../support/certificates.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  callUnary,
  type EchoClient,
  type EchoHandlers,
  echoClient,
  framed,
  type Message,
  rawCall,
  startEcho,
} from "../support/grpc.ts";
import { Random } from "../support/random.ts";
import { deadPort } from "../support/service.ts";
import { until, within } from "../support/wait.ts";

interface Hall {
  readonly gateway: TestGateway;
  readonly client: EchoClient;
  /** Calls that ended with this status, as the metrics know them. */
  counted(grpcStatus: number): number;
}

/** A gateway before one service, and a client of it. */
async function hall(
  t: TestContext,
  endpoint: string,
  route: object = {},
  config: object = {},
): Promise<Hall> {
  const gateway = await startGateway({
    routes: [{ name: "all", service: "main", ...route }],
    services: { main: { endpoints: [endpoint] } },
    ...config,
  });
  const client = echoClient(gateway.port());
  t.after(async () => {
    client.close();
    await within("the gateway to stop", gateway.stop());
  });
  return {
    gateway,
    client,
    counted: (grpcStatus) =>
      gateway.gateway
        .counts()
        .of("grpc")
        .reduce(
          (sum, { labels, values }) => sum + (labels.status === String(grpcStatus) ? values[0]! : 0),
          0,
        ),
  };
}

async function echoHall(t: TestContext, handlers?: Partial<EchoHandlers>, route?: object): Promise<Hall> {
  const service = await startEcho(handlers);
  t.after(() => service.stop());
  return hall(t, service.url, route);
}

/** A service of frames: answers each stream by hand. */
async function rawHall(
  t: TestContext,
  answer: (stream: ServerHttp2Stream) => void,
  route?: object,
): Promise<Hall> {
  const server: Http2Server = createServer();
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => undefined);
    answer(stream);
  });
  server.on("sessionError", () => undefined);
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => sessions.add(session));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return hall(t, `h2c://127.0.0.1:${(server.address() as AddressInfo).port}`, route);
}

test("a unary call passes with what stands around it: metadata, and binary trailers", async (t) => {
  const { client, counted } = await echoHall(t);
  const metadata = new Metadata();
  metadata.set("x-said", "hello");
  for (const size of [0, 1, 1_000, 100_000, 1_000_000]) {
    const data = new Random(size).bytes(size);
    const { error, answer, head, trailers } = await within("the call", callUnary(client, { data }, metadata));
    assert.equal(error, undefined);
    assert.ok(answer!.data.equals(data));
    assert.deepEqual(head?.get("x-heard"), ["hello"]);
    assert.deepEqual(trailers?.get("x-length"), [String(size)]);
    assert.deepEqual(trailers?.get("x-bytes-bin"), [Buffer.from([0, 255, 13, 10])]);
  }
  await until("the count", () => counted(0) === 5);
});

test("the service's own failure passes: status, message, details", async (t) => {
  const { client, counted } = await echoHall(t, {
    unary: (_call, done) => {
      const metadata = new Metadata();
      metadata.set("x-why", "because");
      done({ code: status.ALREADY_EXISTS, details: "schon da: 100% – ü", metadata });
    },
  });
  const { error } = await within("the call", callUnary(client, { text: "a" }));
  assert.deepEqual([error?.code, error?.details], [status.ALREADY_EXISTS, "schon da: 100% – ü"]);
  assert.deepEqual(error?.metadata.get("x-why"), ["because"]);
  await until("the count", () => counted(status.ALREADY_EXISTS) === 1);
});

test("many messages from the client, one answer", async (t) => {
  const { client } = await echoHall(t);
  const { promise, resolve } = Promise.withResolvers<unknown[]>();
  const call = client.collect(new Metadata(), {}, (error, answer) => resolve([error, answer?.count]));
  for (let nth = 0; nth < 200; nth++) call.write({ data: Buffer.alloc(1_000, nth) });
  call.end();
  assert.deepEqual(await within("the answer", promise), [null, 200_000]);
});

test("one request, many messages from the service", async (t) => {
  const { client } = await echoHall(t);
  const seen: number[] = [];
  const call = client.count({ count: 500, text: "x".repeat(300) });
  call.on("data", ({ count }: Message) => seen.push(count));
  const [{ code }] = await within("the status", once(call, "status"));
  assert.equal(code, status.OK);
  assert.deepEqual(
    seen,
    Array.from({ length: 500 }, (_, nth) => nth),
  );
});

test("both sides talk in turns: no message waits for the next one", async (t) => {
  const { client } = await echoHall(t);
  const call = client.chat();
  for (let nth = 0; nth < 50; nth++) {
    const answered = once(call, "data");
    call.write({ count: nth, text: `turn ${nth}` });
    const [{ count, text }] = (await within(`turn ${nth}`, answered)) as [Message];
    assert.deepEqual([count, text], [nth, `turn ${nth}`]);
  }
  const ended = once(call, "status");
  call.end();
  call.resume();
  assert.equal((await within("the end", ended))[0].code, status.OK);
});

test("a hundred calls at once over one connection", async (t) => {
  const { client, gateway } = await echoHall(t);
  const calls = Array.from({ length: 100 }, (_, count) => callUnary(client, { count }));
  const answers = await within("the calls", Promise.all(calls));
  assert.deepEqual(
    answers.map(({ answer }) => answer?.count),
    answers.map((_, count) => count),
  );
  assert.equal(gateway.gateway.listeners.connections, 1);
});

test("the client's deadline is the call's: the service is told what is left of it, and the call ends with it", async (t) => {
  let asked = 0;
  const { promise: cancelled, resolve } = Promise.withResolvers<void>();
  const { gateway, counted } = await rawHall(t, (stream) => {
    asked++;
    stream.on("close", () => resolve());
  });
  const answer = await within("the answer", rawCall(gateway.port(), { "grpc-timeout": "150m" }));
  assert.deepEqual([answer.head[":status"], answer.head["grpc-status"], answer.body.length], [200, "4", 0]);
  assert.match(String(answer.head["grpc-message"]), /^deadline_exceeded: /);
  await within("the service to be told", cancelled);
  assert.equal(asked, 1);
  await until("the count", () => counted(status.DEADLINE_EXCEEDED) === 1);
});

test("the service is told what is left of the client's time", async (t) => {
  let seen = "";
  const { gateway } = await rawHall(t, (stream) => {
    stream.respond(
      { ":status": 200, "content-type": "application/grpc", "grpc-status": "0" },
      { endStream: true },
    );
  });
  const service = createServer();
  service.on("stream", (stream: ServerHttp2Stream, fields: IncomingHttpHeaders) => {
    seen = String(fields["grpc-timeout"]);
    stream.respond(
      { ":status": 200, "content-type": "application/grpc", "grpc-status": "0" },
      { endStream: true },
    );
  });
  service.listen(0, "127.0.0.1");
  await once(service, "listening");
  t.after(() => service.close());
  const other = await hall(t, `h2c://127.0.0.1:${(service.address() as AddressInfo).port}`);
  assert.equal((await rawCall(other.gateway.port(), { "grpc-timeout": "20S" })).head["grpc-status"], "0");
  assert.match(seen, /^1?\d{4}m$|^20000m$/);
  assert.equal((await rawCall(gateway.port())).head["grpc-status"], "0");
});

test("a deadline in the middle of an answer ends it with trailers", async (t) => {
  const { gateway, counted } = await rawHall(t, (stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" });
    stream.write(framed(Buffer.from("part")));
  });
  const answer = await within("the answer", rawCall(gateway.port(), { "grpc-timeout": "200m" }));
  assert.deepEqual(answer.body, framed(Buffer.from("part")));
  assert.equal(answer.trailers?.["grpc-status"], "4");
  await until("the count", () => counted(status.DEADLINE_EXCEEDED) === 1);
});

test("a service that breaks off in the middle of an answer: UNAVAILABLE, in trailers", async (t) => {
  const { gateway, counted } = await rawHall(t, (stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" });
    stream.write(framed(Buffer.from("part")), () => stream.session?.destroy());
  });
  const answer = await within("the answer", rawCall(gateway.port()));
  assert.equal(answer.trailers?.["grpc-status"], "14");
  assert.match(String(answer.trailers?.["grpc-message"]), /^body_cut: /);
  await until("the count", () => counted(status.UNAVAILABLE) === 1);
});

test("the route's time for an answer holds for calls as well", async (t) => {
  const { client } = await echoHall(t, { unary: () => undefined }, { timeout: "100ms" });
  const { error } = await within("the call", callUnary(client, {}));
  assert.equal(error?.code, status.DEADLINE_EXCEEDED);
});

test("a timeout that cannot be read is refused", async (t) => {
  const { gateway } = await echoHall(t);
  for (const timeout of ["soon", "1s", "123456789m"]) {
    const { head } = await within("the answer", rawCall(gateway.port(), { "grpc-timeout": timeout }));
    assert.equal(head["grpc-status"], "13", timeout);
  }
});

test("a client that leaves: the service is told, and the call counts as cancelled", async (t) => {
  const { promise: cancelled, resolve } = Promise.withResolvers<void>();
  const { client, counted } = await echoHall(t, {
    chat: (call) => {
      call.on("cancelled", () => resolve());
      call.write({ text: "first" });
    },
  });
  const call = client.chat();
  call.on("error", () => undefined);
  await within("the first message", once(call, "data"));
  call.cancel();
  await within("the service to be told", cancelled);
  await until("the count", () => counted(status.CANCELLED) === 1);
});

test("what the gateway refuses has a status that clients act on", async (t) => {
  const dead = `h2c://127.0.0.1:${await deadPort()}`;
  const cases: [route: object, code: number, says: RegExp][] = [
    [{ match: { path: "/other" } }, status.UNIMPLEMENTED, /^route_not_found: /],
    [{}, status.UNAVAILABLE, /^connect_failed: /],
    [{ policies: [{ "ip-allow": { allow: ["192.0.2.1"] } }] }, status.PERMISSION_DENIED, /./],
    [{ policies: [{ "request-size": { max: 3 } }] }, status.RESOURCE_EXHAUSTED, /^body_too_large: /],
  ];
  for (const [route, code, says] of cases) {
    const { client } = await hall(t, dead, route);
    const { error } = await within("the call", callUnary(client, { text: "hello" }));
    assert.equal(error?.code, code, JSON.stringify(route));
    assert.match(error!.details, says);
    assert.ok(error!.metadata.get("x-request-id").length === 1);
  }
});

test("gRPC-Web from a browser's fetch reaches the service, and its messages come one by one", async (t) => {
  const { gateway, counted } = await echoHall(t, undefined, { policies: [{ "grpc-web": {} }] });
  const url = `http://127.0.0.1:${gateway.port()}/test.Echo/Count`;
  // count: 3, text: "hi"
  const body = framed(Buffer.from([0x10, 3, 0x1a, 2, 0x68, 0x69]));
  const message = (nth: number): number[] => [...framed(Buffer.from([0x10, nth, 0x1a, 2, 0x68, 0x69]))];
  const messages = [0, 1, 2].flatMap(message);
  const binary = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" },
    body,
  });
  assert.equal(binary.headers.get("content-type"), "application/grpc-web+proto");
  const bytes = Buffer.from(await binary.arrayBuffer());
  assert.deepEqual([...bytes.subarray(0, messages.length)], messages);
  const last = bytes.subarray(messages.length);
  assert.equal(last[0], 0x80);
  assert.match(last.toString("latin1", 5), /^grpc-status:0\r\n/);
  const text = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/grpc-web-text" },
    body: body.toString("base64"),
  });
  const decoded = (await text.text()).match(/[^=]+=*/g)!.map((part) => Buffer.from(part, "base64"));
  assert.deepEqual(Buffer.concat(decoded).subarray(0, messages.length), Buffer.from(messages));
  await until("the count", () => counted(0) === 2);
});

test("health: Check and Watch are answered by the gateway itself", async (t) => {
  const { gateway } = await hall(t, `h2c://127.0.0.1:${await deadPort()}`, {
    match: { path: "/grpc.health.v1.Health/*" },
    policies: [{ "grpc-health": { services: ["test.Echo"] } }],
  });
  const path = (method: string): Record<string, string> => ({ ":path": `/grpc.health.v1.Health/${method}` });
  const asked = framed(Buffer.concat([Buffer.from([0x0a, 9]), Buffer.from("test.Echo")]));
  const { body, trailers } = await within("the check", rawCall(gateway.port(), path("Check"), asked));
  assert.deepEqual([[...body], trailers?.["grpc-status"]], [[0, 0, 0, 0, 2, 8, 1], "0"]);
  const watched = await within(
    "the watch",
    rawCall(gateway.port(), { ...path("Watch"), "grpc-timeout": "150m" }, asked),
  );
  assert.deepEqual([[...watched.body], watched.trailers?.["grpc-status"]], [[0, 0, 0, 0, 2, 8, 1], "4"]);
});

test("the same over TLS on both sides: HTTP/2 is agreed on by ALPN", async (t) => {
  using authority = new TestAuthority();
  const made = authority.issue({ names: ["DNS:localhost", "IP:127.0.0.1"] });
  const service = await startEcho({}, { cert: made.certText, key: made.keyText });
  t.after(() => service.stop());
  const { gateway } = await hall(
    t,
    service.url,
    {},
    {
      listeners: [
        { name: "test", address: "127.0.0.1:0", tls: { certificates: [{ cert: made.cert, key: made.key }] } },
      ],
      services: { main: { endpoints: [service.url], tls: { ca: authority.cert } } },
    },
  );
  const client = echoClient(gateway.port(), authority.certText);
  t.after(() => client.close());
  const data = new Random(77).bytes(300_000);
  const { error, answer, trailers } = await within("the call", callUnary(client, { data }));
  assert.equal(error, undefined);
  assert.ok(answer!.data.equals(data));
  assert.deepEqual(trailers?.get("x-length"), ["300000"]);
  const call = client.chat();
  for (let nth = 0; nth < 5; nth++) {
    const answered = once(call, "data");
    call.write({ count: nth });
    assert.equal(((await within(`turn ${nth}`, answered)) as [Message])[0].count, nth);
  }
  call.end();
  call.resume();
  await within("the end", once(call, "status"));
});
