import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { type Client, request } from "../support/client.ts";
import { Random } from "../support/random.ts";
import { type Service, type ServiceConnection, startRawService } from "../support/service.ts";
import { stage } from "../support/stage.ts";
import { within } from "../support/wait.ts";
import { acceptOf, agreement, frameBytes, framesFrom, handshake } from "../support/websocket.ts";
import type { Wire } from "../support/wire.ts";

const MB = 1_048_576;
const CLOSE = 8;

/** Agrees to the handshake, with `early` in the same write, and hands the tunnel to the script. */
function startTunnel(script: (tunnel: ServiceConnection) => Promise<void>, early = ""): Promise<Service> {
  return startRawService(async (connection) => {
    const head = await connection.head();
    if (!head) return;
    assert.equal(head.field("upgrade")?.toLowerCase(), "websocket");
    assert.match(head.field("connection") ?? "", /^upgrade$/i);
    await connection.send(agreement(head.field("sec-websocket-key") ?? "") + early);
    await script(connection);
  });
}

/** Shakes hands, with `early` in the same write. */
async function shake(client: Client, early = ""): Promise<void> {
  const { key, fields } = handshake();
  await client.send(request("GET /socket", fields).toString() + early);
  const head = await client.head();
  assert.equal(head.status, 101);
  assert.equal(head.field("sec-websocket-accept"), acceptOf(key));
  assert.equal(head.field("upgrade")?.toLowerCase(), "websocket");
  assert.match(head.field("connection") ?? "", /upgrade/i);
}

async function read(wire: Wire, length: number): Promise<string> {
  return Buffer.concat(await Array.fromAsync(wire.body(length))).toString("latin1");
}

async function echo(tunnel: ServiceConnection): Promise<void> {
  for await (const piece of tunnel.wire.body("close")) await tunnel.send(piece);
}

test("bytes pass through a tunnel both ways", async (t) => {
  const client = await (await stage(t, await startTunnel(echo))).connect();
  await shake(client);
  for (let round = 0; round < 100; round++) {
    const bytes = new Random(round).bytes(1 + round * 37);
    await client.send(bytes);
    assert.equal(await read(client.wire, bytes.length), bytes.toString("latin1"));
  }
});

test("bytes right behind the handshake pass, in both directions", async (t) => {
  const client = await (await stage(t, await startTunnel(echo, "welcome"))).connect();
  await shake(client, "early bytes");
  assert.equal(await read(client.wire, 18), "welcomeearly bytes");
});

test("the service may speak first, before the client has sent anything", async (t) => {
  const service = await startTunnel(async (tunnel) => {
    await tunnel.send("first");
    await echo(tunnel);
  });
  const client = await (await stage(t, service)).connect();
  await shake(client);
  assert.equal(await read(client.wire, 5), "first");
});

/** Sends the stream of the seed in uneven pieces, each when the system has taken the one before. */
async function pour(send: (bytes: Buffer) => Promise<void>, seed: number): Promise<void> {
  for (const piece of new Random(9).cut(new Random(seed).bytes(5 * MB), 100_000)) await send(piece);
}

async function check(wire: Wire, seed: number): Promise<void> {
  const expected = new Random(seed);
  for await (const piece of wire.body(5 * MB)) assert.ok(piece.equals(expected.bytes(piece.length)));
}

test("5 MB each way at once arrive unchanged", async (t) => {
  const { promise: arrived, resolve } = Promise.withResolvers<void>();
  const service = await startTunnel(async (tunnel) => {
    await Promise.all([pour((bytes) => tunnel.send(bytes), 31), check(tunnel.wire, 32)]);
    resolve();
    await tunnel.wire.rest();
  });
  const client = await (await stage(t, service)).connect();
  await shake(client);
  await Promise.all([pour((bytes) => client.send(bytes), 32), check(client.wire, 31)]);
  await within("the service to have it all", arrived);
});

test("5 MB each way, where both read only after they have sent", async (t) => {
  const { promise: sent, resolve } = Promise.withResolvers<void>();
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
  const service = await startTunnel(async (tunnel) => {
    const sending = pour((bytes) => tunnel.send(bytes), 33);
    await sent;
    await Promise.all([sending, check(tunnel.wire, 34)]);
    arrive();
    await tunnel.wire.rest();
  });
  const client = await (await stage(t, service)).connect();
  await shake(client);
  const sending = pour((bytes) => client.send(bytes), 34);
  await new Promise((done) => setTimeout(done, 200));
  resolve();
  await Promise.all([sending, check(client.wire, 33)]);
  await within("the service to have it all", arrived);
});

for (const late of ["service", "client"] as const)
  test(`60 MB to a ${late} that reads late arrive: a side that is behind holds the other up, and no longer`, async (t) => {
    const size = 60 * MB;
    const { promise: sent, resolve } = Promise.withResolvers<void>();
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<number>();
    const flood = async (send: (bytes: Buffer) => Promise<void>): Promise<void> => {
      const piece = Buffer.alloc(MB, 7);
      setTimeout(resolve, 300);
      for (let left = size; left > 0; left -= MB) await send(piece);
    };
    const readLate = async (wire: Wire): Promise<void> => {
      let bytes = 0;
      await sent;
      for await (const piece of wire.body(size)) bytes += piece.length;
      arrive(bytes);
    };
    const service = await startTunnel(async (tunnel) => {
      if (late === "service") await readLate(tunnel.wire);
      else await flood((bytes) => tunnel.send(bytes));
      await tunnel.wire.rest();
    });
    const client = await (await stage(t, service)).connect();
    await shake(client);
    if (late === "client") await readLate(client.wire);
    else await flood((bytes) => client.send(bytes));
    assert.equal(await within("all of it", arrived), size);
  });

test("the client's FIN reaches the service, whose last bytes still reach the client", async (t) => {
  const service = await startTunnel(async (tunnel) => {
    const { bytes, how } = await tunnel.wire.rest();
    assert.equal(bytes.toString(), "goodbye");
    assert.equal(how, "fin");
    await tunnel.send("farewell");
    tunnel.end();
  });
  const client = await (await stage(t, service)).connect();
  await shake(client);
  client.socket.end("goodbye");
  assert.equal(await client.closed(), "farewell");
});

test("the service's FIN reaches the client behind its last bytes", async (t) => {
  const service = await startTunnel(async (tunnel) => {
    await tunnel.send("last words");
    tunnel.end();
    await tunnel.wire.rest();
  });
  const client = await (await stage(t, service)).connect();
  await shake(client);
  assert.equal(await client.closed(), "last words");
});

test("a reset of either side ends the other side's connection", async (t) => {
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const service = await startTunnel(async (tunnel) => {
    if (tunnel.nth === 2) tunnel.socket.resetAndDestroy();
    else await tunnel.wire.rest().then(() => resolve());
  });
  const { connect } = await stage(t, service);
  const leaving = await connect();
  await shake(leaving);
  leaving.reset();
  await within("the service to see the end", ended);
  const left = await connect();
  await shake(left);
  assert.equal(await left.closed(), "");
});

test("Node's own WebSocket client talks to the service", async (t) => {
  const service = await startTunnel(async (tunnel) => {
    for await (const frame of framesFrom(tunnel.wire)) {
      await tunnel.send(frameBytes(frame));
      if (frame.opcode === CLOSE) break;
    }
  });
  const { gateway } = await stage(t, service);
  const socket = new WebSocket(`ws://127.0.0.1:${gateway.port()}/chat?room=1`);
  socket.binaryType = "arraybuffer";
  await within("the handshake", once(socket, "open"));
  for (const size of [0, 1, 125, 126, 65_535, 65_536, MB]) {
    const content = new Random(size).bytes(size);
    const answered = once(socket, "message");
    socket.send(content);
    const [{ data }] = (await within("the echo", answered)) as unknown as [{ data: ArrayBuffer }];
    assert.ok(Buffer.from(data).equals(content), `${size} bytes`);
  }
  const closed = once(socket, "close");
  socket.close(4_001, "done");
  const [event] = (await within("the close", closed)) as [CloseEvent];
  assert.equal(event.code, 4_001);
  assert.equal(event.wasClean, true);
  assert.deepEqual(service.targets, ["/chat?room=1"]);
});

test("a service that refuses the upgrade is heard, and the connection can be used again", async (t) => {
  const service = await startRawService(async (connection) => {
    for (let head = await connection.request(); head; head = await connection.request()) {
      const refused = head.field("upgrade") !== undefined;
      const status = refused ? "403 Forbidden" : "200 OK";
      await connection.send(`HTTP/1.1 ${status}\r\nContent-Length: 9\r\n\r\nsome body`);
    }
  });
  const client = await (await stage(t, service)).connect();
  const response = await client.ask(request("GET /socket", handshake().fields));
  assert.equal(response.status, 403);
  assert.equal(response.text, "some body");
  if (response.closes) assert.equal(await client.closed(), "");
  else assert.equal((await client.ask(request("GET /next"))).status, 200);
});

test("Upgrade: h2c is not passed on, and the request is served as it is", async (t) => {
  const service = await startRawService(async (connection) => {
    for (let head = await connection.request(); head; head = await connection.request()) {
      for (const name of ["upgrade", "http2-settings"]) assert.equal(head.field(name), undefined);
      assert.doesNotMatch(head.field("connection") ?? "", /upgrade|settings/i);
      await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  });
  const client = await (await stage(t, service)).connect();
  const fields = {
    Upgrade: "h2c",
    Connection: "Upgrade, HTTP2-Settings",
    "HTTP2-Settings": "AAMAAABkAAQAoAAAAAIAAAAA",
  };
  for (let round = 0; round < 2; round++)
    assert.equal((await client.ask(request("GET /", fields))).text, "ok");
});

test("an Upgrade field that Connection does not name asks for nothing", async (t) => {
  const service = await startRawService(async (connection) => {
    const head = (await connection.request())!;
    assert.equal(head.field("upgrade"), undefined);
    await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  const { ask } = await stage(t, service);
  assert.equal((await ask(request("GET /", { Upgrade: "websocket" }))).text, "ok");
});
