import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { z } from "zod";
import type { Exchange } from "../../src/pipeline/exchange.ts";
import { definePolicy } from "../../src/pipeline/policy.ts";
import { startGateway } from "../../src/supervisor/start-gateway.ts";
import { Client, isRefused, request } from "../support/client.ts";
import { type Service, type ServiceConnection, startRawService, startService } from "../support/service.ts";
import { type Stage, stage } from "../support/stage.ts";
import { until, within } from "../support/wait.ts";
import { agreement, type Frame, frameBytes, framesFrom, handshake } from "../support/websocket.ts";

const LONG_GRACE_MS = 60_000;
const TEXT = 1;
const CLOSE = 8;
const GOING_AWAY = "\x88\x02\x03\xe9";
/** A masked Close of a client, with status 1001. */
const CLIENT_CLOSE = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9]);

const startPlain = (): Promise<Service> => startService((_incoming, outgoing) => void outgoing.end("ok"));

test("a request that was on its way to an idle connection is answered with Connection: close", async (t) => {
  const { gateway, connect } = await stage(t, await startPlain());
  const [idle, fresh, silent] = [await connect(), await connect(), await connect()];
  assert.equal((await idle.ask(request("GET /"))).closes, false);
  const stopped = gateway.stop(LONG_GRACE_MS);
  for (const client of [idle, fresh]) {
    const response = await client.ask(request("GET /"));
    assert.equal(response.text, "ok");
    assert.equal(response.closes, true);
    assert.equal(await client.closed(), "");
  }
  assert.equal(await silent.closed(), "");
  await within("the gateway to stop", stopped);
});

test("a head that has begun is waited for", async (t) => {
  const { gateway, connect } = await stage(t, await startPlain());
  const client = await connect();
  await client.send("GET / HTTP/1.1\r\nHost: ");
  await until("the connection", () => gateway.gateway.listeners.connections === 1);
  const stopped = gateway.stop(LONG_GRACE_MS);
  await client.send("a.example\r\n\r\n");
  const response = await client.response();
  assert.equal(response.text, "ok");
  assert.equal(response.closes, true);
  await within("the gateway to stop", stopped);
});

test("what waits to be accepted when the gateway stops is served", async (t) => {
  const { gateway } = await stage(t, await startPlain());
  const sockets: Socket[] = [];
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  // All in one turn of the event loop: the kernel has accepted them, the gateway cannot have.
  for (let i = 0; i < 100; i++)
    sockets.push(connect({ port: gateway.port(), host: "127.0.0.1", allowHalfOpen: true }));
  await new Promise<void>((done) => process.nextTick(done));
  const stopped = gateway.stop(LONG_GRACE_MS);
  const answers = await Promise.all(sockets.map((socket) => new Client(socket).ask(request("GET /"))));
  assert.deepEqual(new Set(answers.map(({ text }) => text)), new Set(["ok"]));
  await within("the gateway to stop", stopped);
  assert.equal(await isRefused(gateway.port()).catch(() => true), true);
});

// ---- tunnels

/** Agrees to the handshake, and hands the tunnel to the script. */
function startTunnel(script: (tunnel: ServiceConnection) => Promise<void>): Promise<Service> {
  return startRawService(async (connection) => {
    const head = await connection.head();
    if (head === undefined) return;
    await connection.send(agreement(head.field("sec-websocket-key") ?? ""));
    await script(connection);
  });
}

async function open({ connect }: Stage): Promise<Client> {
  const client = await connect();
  await client.send(request("GET /socket", handshake().fields));
  assert.equal((await client.head()).status, 101);
  return client;
}

/** Keeps the frames that the service gets, and says when its connection has ended. */
async function startKeeping(): Promise<{ service: Service; frames: Frame[]; ended: Promise<void> }> {
  const frames: Frame[] = [];
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const service = await startTunnel(async (tunnel) => {
    for await (const frame of framesFrom(tunnel.wire)) frames.push(frame);
    resolve();
  });
  return { service, frames, ended };
}

test("a WebSocket is told to go when the gateway stops, and ends with the client's own Close", async (t) => {
  const { service, frames, ended } = await startKeeping();
  const { gateway } = await stage(t, service);
  const socket = new WebSocket(`ws://127.0.0.1:${gateway.port()}/`);
  await within("the handshake", once(socket, "open"));
  socket.send("before");
  await until("the message to arrive", () => frames.length === 1);
  const closed = once(socket, "close");
  const stopped = gateway.stop(LONG_GRACE_MS);
  const [event] = (await within("the close", closed)) as [CloseEvent];
  assert.equal(event.code, 1_001);
  assert.equal(event.wasClean, true);
  await within("the service to see the end", ended);
  assert.deepEqual(
    frames.map(({ opcode }) => opcode),
    [TEXT, CLOSE],
  );
  await within("the gateway to stop", stopped);
});

test("the Close stands between two frames of the service, and nothing stands behind it", async (t) => {
  const frame = frameBytes({ opcode: 2, content: Buffer.alloc(70_000, 0x88) });
  const { promise: told, resolve: tell } = Promise.withResolvers<void>();
  const service = await startTunnel(async (tunnel) => {
    await tunnel.send(frame.subarray(0, 30_000));
    await told;
    await tunnel.send(Buffer.concat([frame.subarray(30_000), frame, frame.subarray(0, 5)]));
    await tunnel.wire.rest();
  });
  const scene = await stage(t, service);
  const client = await open(scene);
  const begun = Buffer.concat(await Array.fromAsync(client.wire.body(30_000)));
  const stopped = scene.gateway.stop(LONG_GRACE_MS);
  tell();
  const rest = Buffer.concat(await Array.fromAsync(client.wire.body(frame.length - 30_000)));
  assert.ok(Buffer.concat([begun, rest]).equals(frame));
  const close = Buffer.concat(await Array.fromAsync(client.wire.body(4)));
  assert.equal(close.toString("latin1"), GOING_AWAY);
  await client.send(CLIENT_CLOSE);
  assert.equal(await client.closed(), "");
  await within("the gateway to stop", stopped);
});

test("a client that does not answer the Close is cut after two seconds", async (t) => {
  const { service, frames, ended } = await startKeeping();
  const scene = await stage(t, service);
  const client = await open(scene);
  const stopped = scene.gateway.stop(LONG_GRACE_MS);
  assert.equal(await client.closed(), GOING_AWAY);
  await within("the service to see the end", ended);
  assert.deepEqual(frames, []);
  await within("the gateway to stop", stopped);
});

test("a Close of the service is not followed by another", async (t) => {
  const service = await startTunnel(async (tunnel) => {
    await tunnel.send(frameBytes({ opcode: CLOSE, content: Buffer.from([0x03, 0xe8]) }));
    await tunnel.wire.rest();
  });
  const scene = await stage(t, service);
  const client = await open(scene);
  const close = Buffer.concat(await Array.fromAsync(client.wire.body(4)));
  assert.equal(close.toString("latin1"), "\x88\x02\x03\xe8");
  const stopped = scene.gateway.stop(LONG_GRACE_MS);
  await client.send(CLIENT_CLOSE);
  assert.equal(await client.closed(), "");
  await within("the gateway to stop", stopped);
});

/** A gateway whose exchanges are kept, as a reload keeps those that it may have to end. */
async function startKept(t: TestContext, service: Service): Promise<{ port: number; kept: Exchange[] }> {
  const kept: Exchange[] = [];
  const keep = definePolicy({
    name: "keep",
    phase: "receive",
    options: z.strictObject({}),
    compile: () => (x) => {
      kept.push(x as Exchange);
      return undefined;
    },
  });
  const gateway = await startGateway(
    {
      listeners: [{ name: "test", address: "127.0.0.1:0" }],
      routes: [{ name: "all", service: "main", policies: [{ keep: {} }] }],
      services: { main: { endpoints: [service.url] } },
    },
    { policies: [keep] },
  );
  t.after(async () => {
    await gateway.stop(0);
    await service.stop();
  });
  return { port: gateway.port(), kept };
}

test("one tunnel can be told to go while the gateway serves on", async (t) => {
  const { service, ended } = await startKeeping();
  const { port, kept } = await startKept(t, service);
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  await within("the handshake", once(socket, "open"));
  const closed = once(socket, "close");
  kept[0]!.downstream.goAway(2_000);
  const [event] = (await within("the close", closed)) as [CloseEvent];
  assert.equal(event.code, 1_001);
  await within("the service to see the end", ended);
  await until("the exchange to be over", () => kept[0]!.ended);
  assert.equal(kept[0]!.outcome!.complete, true);
  assert.equal(await isRefused(port), false);
});

test("without a tunnel the answer under way is the connection's last", async (t) => {
  const held: (() => void)[] = [];
  const service = await startService((_incoming, outgoing) => void held.push(() => outgoing.end("ok")));
  const { port, kept } = await startKept(t, service);
  const client = await Client.open(port);
  t.after(() => client.socket.destroy());
  await client.send(request("GET /"));
  await until("the request to arrive", () => held.length === 1);
  kept[0]!.downstream.goAway(2_000);
  held[0]!();
  const response = await client.response();
  assert.equal(response.text, "ok");
  assert.equal(response.closes, true);
  assert.equal(await client.closed(), "");
});
