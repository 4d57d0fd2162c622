import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { createServer } from "node:https";
import type { Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { authority, shown } from "../support/authority.ts";
import { request } from "../support/client.ts";
import { Random } from "../support/random.ts";
import { Service } from "../support/service.ts";
import { type Stage, stageOf } from "../support/stage.ts";
import { until } from "../support/wait.ts";

/** A service behind TLS that tells the version of HTTP that it was asked by, and sends a body back. */
async function start(
  t: TestContext,
  config: object,
  http2 = true,
): Promise<{ service: Service; stage: Stage }> {
  const ca = authority(t);
  const pem = shown(ca.issue({ names: ["IP:127.0.0.1"] }));
  const server = http2 ? createSecureServer({ ...pem, allowHTTP1: true }) : createServer(pem);
  const service = new Service(server);
  const answer = (
    incoming: IncomingMessage | Http2ServerRequest,
    outgoing: ServerResponse | Http2ServerResponse,
  ): void => {
    outgoing.setHeader("x-version", incoming.httpVersion);
    outgoing.setHeader("x-scheme", "scheme" in incoming ? incoming.scheme : "");
    (incoming as IncomingMessage).pipe(outgoing as ServerResponse);
  };
  server.on("request", answer);
  server.on("upgrade", (_incoming, socket: Socket) => {
    socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello");
  });
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const main = { endpoints: [`https://127.0.0.1:${service.port}`], tls: { ca: ca.cert }, ...config };
  const stage = await stageOf(t, [service], {
    routes: [{ name: "all", service: "main" }],
    services: { main },
  });
  return { service, stage };
}

const body = new Random(3).bytes(10_000_000);

async function echo({ connect }: Stage): Promise<string | undefined> {
  const client = await connect();
  const sent = client.send(request("POST /", {}, body));
  const answer = await client.response("POST");
  await sent;
  assert.equal(answer.status, 200);
  assert.equal(
    createHash("sha256").update(answer.body).digest("hex"),
    createHash("sha256").update(body).digest("hex"),
  );
  return answer.field("x-version");
}

test("an https service that speaks both is asked by HTTP/2, over one connection", async (t) => {
  const { service, stage } = await start(t, {});
  assert.equal(await echo(stage), "2.0");
  assert.equal((await stage.ask(request("GET /"))).field("x-scheme"), "https");
  const versions = await Promise.all(Array.from({ length: 10 }, () => stage.ask(request("GET /"))));
  assert.deepEqual(new Set(versions.map((answer) => answer.field("x-version"))), new Set(["2.0"]));
  assert.equal(service.connections, 1);
});

test("requests that come while the protocol is asked for wait, and share its connection", async (t) => {
  const { service, stage } = await start(t, {});
  const answers = await Promise.all(Array.from({ length: 30 }, () => stage.ask(request("GET /"))));
  assert.ok(answers.every(({ status }) => status === 200));
  assert.equal(service.connections, 1);
});

test("an https service without HTTP/2 is asked by HTTP/1.1", async (t) => {
  const { service, stage } = await start(t, {}, false);
  assert.equal(await echo(stage), "1.1");
  assert.equal(await echo(stage), "1.1");
  assert.equal(service.connections, 1);
});

test("protocol: http1 offers nothing else", async (t) => {
  const { stage } = await start(t, { protocol: "http1" });
  assert.equal(await echo(stage), "1.1");
});

test("protocol: http2 does without anything else", async (t) => {
  const { stage } = await start(t, { protocol: "http2" });
  assert.equal(await echo(stage), "2.0");
  const without = await start(t, { protocol: "http2" }, false);
  const answer = await without.stage.ask(request("GET /"));
  assert.equal(answer.status, 502);
  assert.equal(answer.json()["reason"], "tls_handshake_failed");
});

test("the protocol is asked for anew once no connection is left", async (t) => {
  const { service, stage } = await start(t, { connections: { keepAlive: "300ms" } });
  assert.equal((await stage.ask(request("GET /"))).field("x-version"), "2.0");
  await until("the connection to be closed", () => service.open.size === 0);
  assert.equal((await stage.ask(request("GET /"))).field("x-version"), "2.0");
  assert.equal(service.connections, 2);
});

test("a WebSocket to a service that chooses goes over HTTP/1.1", async (t) => {
  const { stage } = await start(t, {});
  assert.equal((await stage.ask(request("GET /"))).field("x-version"), "2.0");
  const client = await stage.connect();
  const fields = {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Key": "x",
    "Sec-WebSocket-Version": "13",
  };
  await client.send(request("GET /ws", fields));
  assert.equal((await client.head()).status, 101);
  assert.equal(Buffer.concat(await Array.fromAsync(client.wire.body(5))).toString(), "hello");
});
