/** gRPC where it is less usual: ends that come early, slow readers, compression, dead endpoints, stops, logs. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Metadata, status } from "@grpc/grpc-js";
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
import { deadPort, startService } from "../support/service.ts";
import { settled, until, within } from "../support/wait.ts";

interface Hall {
  readonly gateway: TestGateway;
  readonly client: EchoClient;
  readonly port: number;
}

async function hall(t: TestContext, handlers: Partial<EchoHandlers> = {}, more: object = {}): Promise<Hall> {
  const service = await startEcho(handlers);
  const gateway = await startGateway({
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.url] } },
    ...more,
  });
  const client = echoClient(gateway.port());
  t.after(async () => {
    client.close();
    await within("the gateway to stop", gateway.stop());
    service.stop();
  });
  return { gateway, client, port: service.port };
}

test("a service that has heard enough ends the call, and the client hears why", async (t) => {
  const { client } = await hall(t, {
    collect: (call, done) => {
      call.once("data", () => done({ code: status.RESOURCE_EXHAUSTED, details: "enough" }));
    },
  });
  const { promise, resolve } = Promise.withResolvers<unknown[]>();
  const call = client.collect(new Metadata(), {}, (error) => resolve([error?.code, error?.details]));
  let writing = true;
  const write = (): void => {
    if (writing) call.write({ data: Buffer.alloc(10_000) }, () => setImmediate(write));
  };
  write();
  assert.deepEqual(await within("the end", promise), [status.RESOURCE_EXHAUSTED, "enough"]);
  writing = false;
});

test("a client that reads slowly holds the service up: nothing is piled up in between", async (t) => {
  let sent = 0;
  const piece = Buffer.alloc(65_536, 3);
  const { client } = await hall(t, {
    count: (call) => {
      const go = (): void => {
        while (sent < 2_000) {
          sent++;
          if (!call.write({ data: piece, count: sent })) {
            call.once("drain", go);
            return;
          }
        }
        call.end();
      };
      go();
    },
  });
  const call = client.count({});
  await within("the first message", once(call, "readable"));
  const stalled = await settled(() => sent);
  assert.ok(stalled < 200, `${stalled} of 2000 messages were sent to a client that reads none`);
  let received = 0;
  call.on("data", (message: Message) => {
    assert.ok(message.data.equals(piece));
    received++;
  });
  const [{ code }] = await within("the end", once(call, "status"), 30_000);
  assert.deepEqual([code, received], [status.OK, 2_000]);
});

test("compressed messages and large metadata pass as they are", async (t) => {
  const { gateway } = await hall(t, {
    unary: (call, done) =>
      done(null, { count: String(call.metadata.get("x-large")[0]).length, data: call.request.data }),
  });
  const client = echoClient(gateway.port(), undefined, { "grpc.default_compression_algorithm": 2 });
  t.after(() => client.close());
  const metadata = new Metadata();
  metadata.set("x-large", "m".repeat(6_000));
  const data = Buffer.alloc(200_000, "compress me ");
  const { error, answer } = await within("the call", callUnary(client, { data }, metadata));
  assert.equal(error, undefined);
  assert.equal(answer?.count, 6_000);
  assert.ok(answer.data.equals(data));
});

test("an endpoint that is dead does not fail a call that another can take", async (t) => {
  const dead = `h2c://127.0.0.1:${await deadPort()}`;
  const service = await startEcho();
  t.after(() => service.stop());
  const { client } = await hall(t, {}, { services: { main: { endpoints: [dead, service.url] } } });
  for (let nth = 0; nth < 6; nth++)
    assert.equal((await within("the call", callUnary(client, { count: nth }))).answer?.count, nth);
});

test("policies see metadata, and a method is routed by its path", async (t) => {
  const seen: string[] = [];
  const unary: EchoHandlers["unary"] = (call, done) => {
    seen.push(String(call.metadata.get("x-tenant")[0]));
    done(null, {});
  };
  const service = await startEcho({ unary });
  t.after(() => service.stop());
  const { client } = await hall(
    t,
    {},
    {
      routes: [
        {
          name: "one",
          match: { path: "/test.Echo/Unary", headers: { "x-beta": "1" } },
          service: "beta",
          policies: [{ headers: { request: { set: { "x-tenant": "acme" } } } }],
        },
        { name: "rest", match: { path: "/test.Echo/Count" }, service: "main" },
      ],
      services: { main: { endpoints: [service.url] }, beta: { endpoints: [service.url] } },
    },
  );
  const metadata = new Metadata();
  metadata.set("x-beta", "1");
  assert.equal((await within("the call", callUnary(client, {}, metadata))).error, undefined);
  assert.deepEqual(seen, ["acme"]);
  assert.equal((await within("the call", callUnary(client, {}))).error?.code, status.UNIMPLEMENTED);
});

test("a gateway that stops lets calls under way end", async (t) => {
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const { promise: go, resolve: answer } = Promise.withResolvers<void>();
  const { gateway, client } = await hall(t, {
    unary: async (_call, done) => {
      ask();
      await go;
      done(null, { text: "in time" });
    },
  });
  const call = callUnary(client, {});
  await within("the call to arrive", asked);
  const stopped = gateway.stop(10_000);
  answer();
  assert.equal((await within("the call", call)).answer?.text, "in time");
  await within("the stop", stopped);
});

test("the access log knows the status, also of a stream that broke", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "torana-grpc-"));
  const file = join(folder, "access.log");
  t.after(() => rmSync(folder, { recursive: true }));
  const { client, gateway } = await hall(
    t,
    {
      unary: (call, done) =>
        call.request.count === 0 ? done(null, {}) : done({ code: status.NOT_FOUND, details: "none" }),
    },
    { policies: [{ "access-log": { to: file, fields: ["path", "status", "grpcStatus", "reason"] } }] },
  );
  await within("a call", callUnary(client, { count: 0 }));
  await within("a call", callUnary(client, { count: 1 }));
  await within("a call", rawCall(gateway.port(), { "grpc-timeout": "never" }));
  await within(
    "a request",
    fetch(`http://127.0.0.1:${gateway.port()}/`).then((response) => response.arrayBuffer()),
  );
  const lines = (): unknown[] =>
    readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line).grpcStatus);
  await until("the lines", () => lines().length === 4);
  assert.deepEqual(lines().slice(0, 3), [0, status.NOT_FOUND, status.INTERNAL]);
  assert.equal(lines()[3], null);
});

test("a gRPC-Web stream reaches the page message by message", async (t) => {
  const { promise: told, resolve: tell } = Promise.withResolvers<void>();
  const server = createServer();
  server.on("stream", async (stream: ServerHttp2Stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.write(framed(Buffer.from("one")));
    await told;
    stream.end(framed(Buffer.from("two")));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const endpoint = `h2c://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { gateway } = await hall(
    t,
    {},
    {
      policies: [{ "grpc-web": {} }],
      services: { main: { endpoints: [endpoint] } },
    },
  );
  for (const text of [false, true]) {
    const response = await fetch(`http://127.0.0.1:${gateway.port()}/a.B/C`, {
      method: "POST",
      headers: { "content-type": `application/grpc-web${text ? "-text" : ""}` },
      body: "",
    });
    let read = "";
    for await (const piece of response.body!) {
      const bytes = Buffer.from(piece as Uint8Array);
      for (const part of text ? bytes.toString().match(/[^=]+=*/g)! : [])
        read += Buffer.from(part, "base64").toString("latin1");
      if (!text) read += bytes.toString("latin1");
      // The service says more only once the page has had its first message.
      if (read.includes("one")) tell();
    }
    assert.match(read, /^\0{4}\x03one\0{4}\x03two\x80\0{3}\x0fgrpc-status:0\r\n$/);
  }
});

test("a service that waits for more of the client's messages is not late", async (t) => {
  let heard = 0;
  const service = await startEcho({
    chat: (call) => {
      call.on("data", () => {
        if (++heard < 3) return;
        call.write({ text: "three" });
        call.end();
      });
    },
  });
  t.after(() => service.stop());
  const { client } = await hall(
    t,
    {},
    {
      services: { main: { endpoints: [service.url], timeouts: { response: "150ms", idle: "150ms" } } },
    },
  );
  const call = client.chat();
  const answered = once(call, "data");
  for (let nth = 1; nth <= 3; nth++) {
    call.write({ count: nth });
    await until("the message to arrive", () => heard === nth);
    if (nth < 3) await sleep(200);
  }
  assert.equal(((await within("the answer", answered)) as [Message])[0].text, "three");
});

test("calls that are given up at any moment leave nothing behind", async (t) => {
  let open = 0;
  const service = await startEcho({
    chat: (call) => {
      open++;
      call.on("close", () => open--);
      call.on("error", () => undefined);
      call.on("data", (message: Message) => call.write(message));
      call.on("end", () => call.end());
    },
  });
  t.after(() => service.stop());
  const { client, gateway } = await hall(t, {}, { services: { main: { endpoints: [service.url] } } });
  const random = new Random(41);
  const over: Promise<unknown>[] = [];
  for (let nth = 0; nth < 300; nth++) {
    const call = client.chat();
    over.push(new Promise((resolve) => call.on("status", resolve)));
    call.on("error", () => undefined).on("data", () => undefined);
    call.write({ count: nth, data: random.bytes(random.below(20_000)) });
    const end = (): void => {
      if (nth % 3 === 0) call.end();
      else call.cancel();
    };
    if (nth % 5 === 0) end();
    else setTimeout(end, random.below(40));
  }
  await within("all to end", Promise.all(over));
  await until("the gateway to be done", () => gateway.gateway.reading().inFlight === 0);
  await until("the service to be done", () => open === 0);
  assert.equal((await within("a call", callUnary(client, { count: 7 }))).answer?.count, 7);
});

test("gRPC-Web that no policy takes passes as it is, and one that is cut stays cut", async (t) => {
  const message = framed(Buffer.from("one"));
  const trailers = Buffer.concat([Buffer.from([0x80, 0, 0, 0, 15]), Buffer.from("grpc-status:0\r\n")]);
  const service = await startService((request, response) => {
    response.writeHead(200, { "content-type": "application/grpc-web+proto" });
    response.write(message);
    // What follows is in a piece of its own.
    setImmediate(() => (request.url === "/cut" ? response.destroy() : response.end(trailers)));
  });
  const gateway = await startGateway({
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.url] } },
  });
  t.after(async () => {
    await within("the gateway to stop", gateway.stop());
    await service.stop();
  });
  const fields = { "content-type": "application/grpc-web+proto", "grpc-timeout": "10S" };
  const whole = await within("the call", rawCall(gateway.port(), { ...fields, ":path": "/whole" }));
  assert.ok(whole.body.equals(Buffer.concat([message, trailers])));
  assert.deepEqual(
    [whole.head["content-type"], whole.trailers, whole.code],
    [fields["content-type"], undefined, 0],
  );
  assert.equal(service.seen[0]?.fields.find(([name]) => name === "grpc-timeout")?.[1], "10S");
  // Trailers of HTTP would say nothing to who reads gRPC-Web: a cut is a cut.
  const cut = rawCall(gateway.port(), { ...fields, ":path": "/cut" });
  await assert.rejects(within("the cut", cut), { code: "ERR_HTTP2_STREAM_ERROR" });
  const counted = gateway.gateway
    .counts()
    .of("grpc")
    .reduce((sum, { values }) => sum + values[0]!, 0);
  assert.equal(counted, 0);
});
