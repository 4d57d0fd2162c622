import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "../support/client.ts";
import { refusals, startGateway, type TestGateway } from "../support/gateway.ts";
import { Random } from "../support/random.ts";
import { deadPort, type Service, type ServiceConnection, startRawService } from "../support/service.ts";
import { until, within } from "../support/wait.ts";

const MB = 1_048_576;

/** What a listener leads to a service by bytes. */
async function passing(
  t: TestContext,
  services: readonly Service[],
  { listener = {}, tcp = {}, service = {}, config = {} }: Record<string, object> = {},
  endpoints: readonly string[] = services.map(({ port }) => `tcp://127.0.0.1:${port}`),
): Promise<TestGateway> {
  const gateway = await startGateway({
    listeners: [{ name: "test", address: "127.0.0.1:0", tcp: { service: "main", ...tcp }, ...listener }],
    services: { main: { endpoints, ...service } },
    ...config,
  });
  t.after(async () => {
    await within("the gateway to stop", gateway.stop(0));
    for (const one of services) await one.stop();
    assert.deepEqual(services.flatMap(({ failures }) => failures).map(String), []);
  });
  return gateway;
}

/** Sends back what it gets, then its end. */
async function echo({ socket, wire }: ServiceConnection): Promise<void> {
  for (let piece = await wire.take(); piece; piece = await wire.take())
    if (!socket.write(piece)) await once(socket, "drain");
}

/** The sum of what was counted of connections that are over: connections, bytes from and to clients. */
function passed({ gateway }: TestGateway): number[] {
  const rows = gateway.counts().of("tcp");
  return [0, 1, 2].map((i) => rows.reduce((sum, { values }) => sum + values[i]!, 0));
}

test("bytes go both ways, and each direction ends on its own", async (t) => {
  const service = await startRawService(async ({ wire, socket }) => {
    const { bytes, how } = await wire.rest();
    assert.equal(how, "fin");
    socket.write(`got ${bytes.length}`);
  });
  const gateway = await passing(t, [service]);
  const client = await Client.open(gateway.port());
  await client.send("hello");
  await client.send(" world");
  client.fin();
  assert.equal(await client.closed(), "got 11");
  await until("the connection to be counted", () => passed(gateway)[0] === 1);
  assert.deepEqual(passed(gateway), [1, 11, 6]);
});

test("a service that speaks first, and ends first, is heard", async (t) => {
  const service = await startRawService(async ({ socket, wire }) => {
    socket.end("220 ready\r\n");
    assert.equal((await wire.rest()).bytes.toString(), "QUIT\r\n");
  });
  const gateway = await passing(t, [service]);
  const client = await Client.open(gateway.port());
  assert.equal((await client.wire.rest()).bytes.toString(), "220 ready\r\n");
  await client.send("QUIT\r\n");
  client.fin();
  await until("both ends to close", () => gateway.gateway.listeners.connections === 0);
  assert.equal(service.open.size, 0);
});

test("100 MB each way at once, byte for byte, in bounded memory", async (t) => {
  const service = await startRawService(echo);
  const gateway = await passing(t, [service]);
  const socket = connect({ port: gateway.port(), host: "127.0.0.1", allowHalfOpen: true });
  const sent = new Random(1);
  const expected = new Random(1);
  const start = process.memoryUsage().rss;
  let peak = 0;
  const sending = (async () => {
    for (let i = 0; i < 100; i++) if (!socket.write(sent.bytes(MB))) await once(socket, "drain");
    socket.end();
  })();
  let total = 0;
  for await (const piece of socket as AsyncIterable<Buffer>) {
    assert.ok(piece.equals(expected.bytes(piece.length)), `other bytes behind ${total}`);
    total += piece.length;
    peak = Math.max(peak, process.memoryUsage().rss);
  }
  await sending;
  assert.equal(total, 100 * MB);
  assert.ok(peak - start < 200 * MB, `memory grew by ${(peak - start) >> 20} MB`);
});

test("who does not read makes the other end wait", async (t) => {
  const { promise: written, resolve } = Promise.withResolvers<Socket>();
  const service = await startRawService(async ({ socket }) => {
    for (let i = 0; i < 64; i++) socket.write(Buffer.alloc(MB));
    resolve(socket);
    await new Promise((closed) => socket.once("close", closed));
  });
  const gateway = await passing(t, [service]);
  const client = connect({ port: gateway.port(), host: "127.0.0.1" }).pause();
  const socket = await written;
  let last = -1;
  await until("the service to be held up", () => {
    const same = socket.bytesWritten - socket.writableLength === last;
    last = socket.bytesWritten - socket.writableLength;
    return same;
  });
  assert.ok(socket.writableLength > 0);
  client.destroy();
  await until("the service to be let go", () => service.open.size === 0);
});

test("a break of one end is a break for the other", async (t) => {
  const service = await startRawService(async ({ wire, socket }) => {
    const line = await wire.line();
    if (line === "break") socket.resetAndDestroy();
    else assert.equal((await wire.rest()).how, "reset");
  });
  const gateway = await passing(t, [service]);
  const broken = await Client.open(gateway.port());
  await broken.send("break\r\n");
  assert.equal((await broken.wire.rest()).how, "reset");
  const breaking = await Client.open(gateway.port());
  await breaking.send("listen\r\n");
  await until("the service to read", () => service.connections === 2);
  breaking.reset();
  await until("both ends to close", () => service.open.size === 0);
});

test("endpoints take turns, and who cannot be reached is passed over", async (t) => {
  const names = ["a", "b"];
  const services = await Promise.all(
    names.map((name) =>
      startRawService(async ({ socket, wire }) => {
        socket.write(name);
        await wire.rest();
      }),
    ),
  );
  const urls = [await deadPort(), ...services.map(({ port }) => port)].map(
    (port) => `tcp://127.0.0.1:${port}`,
  );
  const gateway = await passing(t, services, {}, urls);
  const seen: string[] = [];
  for (let i = 0; i < 6; i++) {
    const client = await Client.open(gateway.port());
    seen.push((await client.wire.take(1))!.toString());
    client.fin();
    await client.closed();
  }
  assert.equal(seen.filter((name) => name === "a").length >= 2, true, seen.join());
  assert.equal(seen.filter((name) => name === "b").length >= 2, true, seen.join());
});

test("what a client sends before its service is reached waits, and is passed on whole", async (t) => {
  const service = await startRawService(echo);
  const urls = [await deadPort(), await deadPort(), service.port].map((port) => `tcp://127.0.0.1:${port}`);
  const gateway = await passing(t, [service], {}, urls);
  for (const length of [10, 5 * MB]) {
    const content = new Random(length).bytes(length);
    const client = await Client.open(gateway.port());
    const sent = client.send(content).then(() => client.fin());
    assert.ok((await client.wire.rest()).bytes.equals(content), `${length} bytes`);
    await sent;
  }
});

test("where no endpoint can be reached the client sees a break, counted by its reason", async (t) => {
  const gateway = await passing(t, [], {}, [`tcp://127.0.0.1:${await deadPort()}`]);
  const client = await Client.open(gateway.port());
  assert.deepEqual(await client.wire.rest(), { bytes: Buffer.alloc(0), how: "reset" });
  await until("it to be counted", () => refusals(gateway, "connect_failed") === 1);
});

test("a silent connection is closed after its idle time; bytes in either direction keep it open", async (t) => {
  const service = await startRawService(async ({ wire, socket }) => {
    for (let piece = await wire.take(); piece; piece = await wire.take()) socket.write(piece);
  });
  const gateway = await passing(t, [service], { tcp: { idleTimeout: "1s" } });
  const client = await Client.open(gateway.port());
  await client.send("x");
  assert.equal((await client.wire.take(1))!.toString(), "x");
  const { how, bytes } = await client.wire.rest();
  assert.equal(bytes.length, 0);
  assert.match(how, /fin|reset/);
  await until("it to be counted", () => refusals(gateway, "tcp_idle") === 1);
});

test("limits of the listener hold: connections in all, and from one address", async (t) => {
  const service = await startRawService(echo);
  const limits = { connections: 3, connectionsPerAddress: 2 };
  const gateway = await passing(t, [service], { listener: { limits } });
  const clients = await Promise.all([Client.open(gateway.port()), Client.open(gateway.port())]);
  await until("two connections", () => service.connections === 2);
  const third = await Client.open(gateway.port());
  assert.equal((await third.wire.rest()).bytes.length, 0);
  const other = await Client.open(gateway.port(), "127.0.0.2");
  await other.send("x");
  assert.equal((await other.wire.take(1))!.toString(), "x");
  for (const client of [...clients, other]) {
    client.fin();
    assert.equal(await client.closed(), "");
  }
});

test("PROXY protocol: taken from the one before, and passed on with the client's address", async (t) => {
  for (const [proxyProtocol, pattern] of [
    ["v1", /^PROXY TCP4 192\.0\.2\.7 127\.0\.0\.1 12345 \d+\r\nhello$/],
    ["v2", /^\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\x7f\0\0\x01\x30\x39..hello$/s],
  ] as const) {
    const service = await startRawService(async ({ wire, socket }) => {
      const { bytes } = await wire.rest();
      socket.write(bytes);
    });
    const gateway = await passing(t, [service], {
      listener: { proxyProtocol: true },
      service: { proxyProtocol },
    });
    const client = await Client.open(gateway.port());
    await client.send("PROXY TCP4 192.0.2.7 198.51.100.1 12345 443\r\nhello");
    client.fin();
    assert.match(await client.closed(), pattern);
  }
});

test("an open connection outlives a stop for as long as it may take, and ends in peace", async (t) => {
  const service = await startRawService(echo);
  const gateway = await passing(t, [service]);
  const client = await Client.open(gateway.port());
  await client.send("a");
  assert.equal((await client.wire.take(1))!.toString(), "a");
  const stopped = gateway.stop(10_000);
  await client.send("b");
  assert.equal((await client.wire.take(1))!.toString(), "b");
  client.fin();
  assert.equal(await client.closed(), "");
  await within("the gateway to stop", stopped);
  assert.equal(service.open.size, 0);
});

test("each connection has a line where access-log stands for every route", async (t) => {
  const file = join(mkdtempSync(join(tmpdir(), "torana-tcp-")), "access.log");
  t.after(() => rmSync(dirname(file), { recursive: true }));
  const service = await startRawService(echo);
  const policies = [{ "access-log": { to: file } }];
  const gateway = await passing(t, [service], { config: { policies } });
  const client = await Client.open(gateway.port());
  await client.send("hello");
  client.fin();
  assert.equal(await client.closed(), "hello");
  await until("it to be counted", () => passed(gateway)[0] === 1);
  await gateway.stop();
  const { time, duration, ...line } = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  assert.match(String(time), /^\d{4}-\d\d-\d\dT/);
  assert.equal(typeof duration, "number");
  assert.deepEqual(line, {
    listener: "test",
    client: "127.0.0.1",
    host: null,
    service: "main",
    endpoint: `tcp://127.0.0.1:${service.port}`,
    received: 5,
    bytes: 5,
    reason: null,
  });
});

test("HTTP beside it on another listener is served as ever", async (t) => {
  const http = await startRawService(async (connection) => {
    for (let head = await connection.request(); head; head = await connection.request())
      await connection.send("HTTP/1.1 204 No Content\r\n\r\n");
  });
  const tcp = await startRawService(echo);
  const gateway = await startGateway({
    listeners: [
      { name: "db", address: "127.0.0.1:0", tcp: { service: "db" } },
      { name: "web", address: "127.0.0.1:0" },
    ],
    routes: [{ name: "all", service: "web" }],
    services: {
      db: { endpoints: [`tcp://127.0.0.1:${tcp.port}`] },
      web: { endpoints: [http.url] },
    },
  });
  t.after(async () => {
    await gateway.stop(0);
    await http.stop();
    await tcp.stop();
  });
  const db = await Client.open(gateway.port("db"));
  await db.send("GET / HTTP/1.1\r\n\r\n");
  assert.equal((await db.wire.take(18))!.toString(), "GET / HTTP/1.1\r\n\r\n");
  const web = await Client.open(gateway.port("web"));
  assert.equal((await web.ask("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")).status, 204);
  db.reset();
  web.reset();
});

test("a server on a Unix socket is a service too", async (t) => {
  const path = `/tmp/torana-tcp-${process.pid}.sock`;
  const server = createServer((socket) => socket.pipe(socket));
  server.listen(path);
  await once(server, "listening");
  t.after(() => server.close());
  const gateway = await passing(t, [], {}, [`unix:${path}`]);
  const client = await Client.open(gateway.port());
  await client.send("ping");
  client.fin();
  assert.equal(await client.closed(), "ping");
  assert.equal(typeof (server.address() as AddressInfo | string), "string");
});

test("a service that does not read what a client has left behind is let go after the idle time", async (t) => {
  const path = join(mkdtempSync(join(tmpdir(), "torana-tcp-")), "out.sock");
  t.after(() => rmSync(dirname(path), { recursive: true }));
  const held: Socket[] = [];
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    held.push(socket.on("error", () => undefined));
    socket.end();
  });
  server.listen(path);
  await once(server, "listening");
  t.after(() => server.close());
  const gateway = await passing(t, [], { tcp: { idleTimeout: "1s" } }, [`unix:${path}`]);
  // The size decides what of it is still in our hands when the client has gone: some of these are such.
  const PIECE = 4_096;
  const sizes = Array.from({ length: 32 }, (_, i) => 48 * PIECE + i * PIECE);
  await Promise.all(
    sizes.map(async (size) => {
      const socket = connect({ port: gateway.port(), host: "127.0.0.1", allowHalfOpen: true });
      socket.on("error", () => undefined).resume();
      for (let sent = 0; sent < size; sent += PIECE) {
        socket.write(Buffer.alloc(PIECE, String(size)));
        await sleep(1);
      }
      socket.end();
    }),
  );
  await until("all to reach the service", () => held.length === sizes.length);
  await until("all to be let go", () => gateway.gateway.listeners.connections === 0);
  const whole: number[] = [];
  const cut: number[] = [];
  for (const socket of held) {
    const pieces: Buffer[] = [];
    socket.on("data", (piece: Buffer) => void pieces.push(piece)).resume();
    if (!socket.closed) await once(socket, "close");
    const all = Buffer.concat(pieces);
    const isWhole = all.length === Number(all.toString("latin1", 0, 6));
    (isWhole ? whole : cut).push(all.length);
  }
  assert.equal(passed(gateway)[0], sizes.length);
  assert.equal(refusals(gateway, "tcp_idle"), cut.length);
  // What the system did not hold for the service was still with us.
  assert.ok(Math.max(...whole) <= Math.max(...cut) + PIECE, `${whole} came whole, of others ${cut}`);
});

test("what waits for a client that pauses is not cut off once both ends have said all", async (t) => {
  const path = join(mkdtempSync(join(tmpdir(), "torana-tcp-")), "in.sock");
  t.after(() => rmSync(dirname(path), { recursive: true }));
  // The size decides what of it is still in our hands while the client pauses: one of these is such.
  const service = await startRawService(async ({ socket, wire }) => {
    const { bytes } = await wire.rest();
    socket.end(Buffer.alloc(Number(bytes.toString())));
  });
  await passing(t, [service], { listener: { address: `unix:${path}` } });
  const sizes = Array.from({ length: 24 }, (_, i) => 65_536 + i * 24_576);
  const taken = await Promise.all(
    sizes.map(async (size) => {
      const socket = connect({ path, allowHalfOpen: true }).pause();
      socket.end(String(size));
      await sleep(2_000);
      let total = 0;
      for await (const piece of socket as AsyncIterable<Buffer>) total += piece.length;
      return total;
    }),
  );
  assert.deepEqual(taken, sizes);
});
