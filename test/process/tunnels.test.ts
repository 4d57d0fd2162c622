import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, request } from "../support/client.ts";
import { ProcessStage } from "../support/process.ts";
import { startRawService } from "../support/service.ts";
import { agreement, handshake } from "../support/websocket.ts";

/** Close with status 1001, as a server sends it. */
const GOING_AWAY = Buffer.from([0x88, 0x02, 0x03, 0xe9]);

async function open(port: number, path: string): Promise<Client> {
  const client = await Client.open(port);
  await client.send(request(`GET ${path}`, handshake().fields));
  assert.equal((await client.head()).status, 101);
  return client;
}

async function next(client: Client, length: number): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(client.wire.body(length)));
}

test("tunnels whose route a reload changes or removes stay, go at once, or go after a while, as the route says", async () => {
  await using stage = new ProcessStage();
  await using service = await startRawService(async (connection) => {
    const head = await connection.head();
    if (!head) return;
    await connection.send(agreement(head.field("sec-websocket-key") ?? ""));
    for await (const piece of connection.wire.body("close")) await connection.send(piece);
  });
  const route = (name: string, tunnels: unknown, more: object = {}): object => ({
    name,
    match: { path: `/${name}` },
    service: "main",
    tunnels,
    ...more,
  });
  const config = (...routes: object[]): object => ({
    workers: 1,
    listeners: [{ name: "public", address: "127.0.0.1:0" }],
    routes,
    services: { main: { endpoints: [service.url] } },
  });
  stage.write(
    config(
      route("kept", "keep"),
      route("same", "close"),
      route("changed", "close"),
      route("gone", "close"),
      route("drained", { drain: "50ms" }),
    ),
  );
  const { process, port } = await stage.run();
  const [kept, same, changed, gone, drained] = await Promise.all(
    ["/kept", "/same", "/changed", "/gone", "/drained"].map((path) => open(port, path)),
  );
  const header = { policies: [{ headers: { request: { set: { "x-new": "1" } } } }] };
  stage.write(
    config(
      route("kept", "keep", header),
      route("first", "close"),
      route("same", "close"),
      route("changed", "close", header),
      route("drained", { drain: "50ms" }, header),
    ),
  );
  await process.says(/generation 2 serves/);
  for (const client of [changed, gone, drained]) assert.deepEqual(await next(client!, 4), GOING_AWAY);
  for (const client of [kept, same]) {
    // A ping, masked with zeros: it comes back as it is.
    const ping = Buffer.from([0x89, 0x80, 0, 0, 0, 0]);
    await client!.send(ping);
    assert.deepEqual(await next(client!, 6), ping);
  }
});

test("a WebSocket whose messages are looked at stays through a reload, with the rules that it began with", async () => {
  await using stage = new ProcessStage();
  await using service = await startRawService(async (connection) => {
    const head = await connection.head();
    if (!head) return;
    await connection.send(agreement(head.field("sec-websocket-key") ?? ""));
    await connection.wire.rest();
  });
  const config = (maxMessage: number): object => ({
    workers: 1,
    listeners: [{ name: "public", address: "127.0.0.1:0" }],
    routes: [{ name: "ws", service: "main", websocket: { fromClient: { maxMessage } } }],
    services: { main: { endpoints: [service.url] } },
  });
  stage.write(config(10));
  const { process, port } = await stage.run();
  const before = await open(port, "/");
  stage.write(config(5));
  await process.says(/generation 2 serves/);
  const after = await open(port, "/");
  // Seven bytes, masked with zeros, then eleven.
  const message = (length: number): Buffer =>
    Buffer.concat([Buffer.from([0x81, 0x80 | length, 0, 0, 0, 0]), Buffer.alloc(length, 0x61)]);
  await before.send(message(7));
  await after.send(message(7));
  assert.deepEqual((await next(after, 4)).subarray(2), Buffer.from([0x03, 0xf1]));
  await before.send(message(11));
  assert.deepEqual((await next(before, 4)).subarray(2), Buffer.from([0x03, 0xf1]));
});
