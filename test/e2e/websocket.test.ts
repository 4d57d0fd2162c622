/** WebSockets through the gateway, with the ws library at both ends. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:http2";
import { type TestContext, test } from "node:test";
import type { WebSocket } from "ws";
import { TestAuthority } from "../support/certificates.ts";
import { Random } from "../support/random.ts";
import { until, within } from "../support/wait.ts";
import { echoed, theatre } from "../support/websocket-theatre.ts";

test("messages of every size, compressed or not, and the closing words pass", async (t) => {
  for (const perMessageDeflate of [false, true]) {
    const { server, open } = await theatre(t, {}, { perMessageDeflate });
    const [client, [peer]] = await Promise.all([open(), once(server, "connection")]);
    assert.equal(client.extensions, perMessageDeflate ? "permessage-deflate" : "");
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 1_048_576])
      await echoed(client, new Random(size).bytes(size));
    const pong = once(client, "pong");
    client.ping("are you there");
    assert.equal(String((await within("the pong", pong))[0]), "are you there");
    const closed = once(client, "close");
    (peer as WebSocket).close(4_002, "enough");
    const [code, reason] = await within("the close", closed);
    assert.deepEqual([code, String(reason)], [4_002, "enough"]);
  }
});

test("pages of other origins get 403; pages of these, and what is no page, get through", async (t) => {
  const origins = ["https://shop.example", "https://*.a.example", { regex: "https://pr-[0-9]+\\.test" }];
  const { server, open, refused } = await theatre(t, { origins });
  for (const origin of [undefined, "https://shop.example", "https://b.c.a.example", "https://pr-7.test"])
    await echoed(await open(origin === undefined ? {} : { origin }), Buffer.from("hello"));
  assert.equal(server.clients.size, 4);
  const others = [
    "https://evil.example",
    "http://shop.example",
    "https://shop.example.evil.example",
    "https://a.example",
    "https://shop.example:8443",
    "https://pr-7.test.evil.example",
    "null",
  ];
  for (const origin of others) assert.deepEqual(await refused(origin), [403, "websocket_origin"], origin);
  assert.equal(server.clients.size, 4);
});

test("origins are asked of WebSockets only", async (t) => {
  const { gateway } = await theatre(t, { origins: ["https://shop.example"] });
  const response = await fetch(`http://127.0.0.1:${gateway.port()}/`, {
    headers: { origin: "https://b.example" },
  });
  assert.equal(response.status, 426); // the service's own word: it wants an upgrade
});

for (const [option, reason] of [
  ["idleTimeout", "tunnel_idle"],
  ["maxLifetime", "tunnel_expired"],
] as const)
  test(`${option}: both ends are told, and the log knows why`, async (t) => {
    const { server, open, ended } = await theatre(t, { [option]: "80ms" });
    const [client, [peer]] = await Promise.all([open(), once(server, "connection")]);
    const serviceSaw = once(peer as WebSocket, "close");
    const [code] = await within("the close", once(client, "close"));
    assert.equal(code, 1_001);
    await within("the service's close", serviceSaw);
    await until("the count", () => ended(reason) === 1);
    assert.equal(ended("client_left"), 0);
  });

test("a client that does not answer the close is cut, and the reason stays", async (t) => {
  const { open, ended, gateway } = await theatre(t, { idleTimeout: "50ms" });
  const client = await open();
  client.pause();
  await until("the cut", () => ended("tunnel_idle") === 1);
  assert.equal(ended("client_left"), 0);
  await until("the connection to go", () => gateway.gateway.listeners.connections === 0);
  client.resume();
});

test("when the gateway stops, a WebSocket without grace is closed with 1001 at once", async (t) => {
  const { gateway, open } = await theatre(t, {});
  const client = await open();
  const closed = once(client, "close");
  const stopped = gateway.stop(10_000);
  assert.equal((await within("the close", closed))[0], 1_001);
  await within("the stop", stopped);
});

test("when the gateway stops, a WebSocket with grace goes on, and is then closed with 1001", async (t) => {
  const { gateway, open } = await theatre(t, { grace: "400ms" });
  const client = await open();
  const closed = once(client, "close");
  const stopped = gateway.stop(10_000);
  await echoed(client, Buffer.from("still here"));
  assert.equal((await within("the close", closed))[0], 1_001);
  await within("the stop", stopped);
});

/** A text as a client sends it, masked with zeros; and a Close with 1001, likewise. */
const HI = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]);
const CLIENT_CLOSE = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9]);
/** The same as a server sends them. */
const ECHO = [0x81, 2, 0x68, 0x69];
const CLOSE = [0x88, 2, 0x03, 0xe9];

/** A WebSocket over HTTP/2 (RFC 8441), and what came of it so far. */
async function overHttp2(t: TestContext, port: number, origin: string) {
  const session = connect(`http://127.0.0.1:${port}`);
  t.after(() => session.destroy());
  await within("the settings", once(session, "remoteSettings"));
  const stream = session.request({
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":path": "/chat",
    "sec-websocket-version": "13",
    origin,
  });
  const pieces: Buffer[] = [];
  stream.on("data", (piece: Buffer) => pieces.push(piece));
  const [head] = await within("the handshake", once(stream, "response"));
  return { stream, status: head[":status"], seen: (): number[] => [...Buffer.concat(pieces)] };
}

test("over HTTP/2 the same holds: who may open one, what passes, when it is closed", async (t) => {
  const { gateway, ended } = await theatre(t, { origins: ["https://shop.example"], idleTimeout: "500ms" });
  assert.equal((await overHttp2(t, gateway.port(), "https://evil.example")).status, 403);
  const { stream, status, seen } = await overHttp2(t, gateway.port(), "https://shop.example");
  assert.equal(status, 200);
  stream.write(HI);
  await until("the echo and the Close", () => seen().length >= 8);
  assert.deepEqual(seen(), [...ECHO, ...CLOSE]);
  stream.end(CLIENT_CLOSE);
  await within("the end", once(stream, "close"));
  await until("the count", () => ended("tunnel_idle") === 1);
});

test("over HTTP/2 a WebSocket with grace goes on when the gateway stops, and is then closed with 1001", async (t) => {
  const { gateway } = await theatre(t, { grace: "400ms" });
  const { stream, seen } = await overHttp2(t, gateway.port(), "https://shop.example");
  const stopped = gateway.stop(10_000);
  stream.write(HI);
  await until("the echo", () => seen().length >= 4);
  await until("the Close", () => seen().length >= 8);
  assert.deepEqual(seen(), [...ECHO, ...CLOSE]);
  stream.end(CLIENT_CLOSE);
  await within("the stop", stopped);
});

test("over TLS the same holds", async (t) => {
  using authority = new TestAuthority();
  const { cert, key } = authority.issue({ names: ["DNS:localhost", "IP:127.0.0.1"] });
  const { open, refused } = await theatre(
    t,
    { origins: ["https://shop.example"], idleTimeout: "500ms" },
    {},
    { certificates: [{ cert, key }] },
  );
  assert.deepEqual(await refused("https://evil.example"), [403, "websocket_origin"]);
  const client = await open({ origin: "https://shop.example" });
  const closed = once(client, "close");
  await echoed(client, new Random(5).bytes(300_000));
  assert.equal((await within("the close", closed))[0], 1_001);
});
