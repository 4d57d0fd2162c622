import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { test } from "node:test";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { type Service, type ServiceConnection, startRawService } from "../support/service.ts";
import { within } from "../support/wait.ts";
import { agreement } from "../support/websocket.ts";

const MB = 1_048_576;

interface Stage extends AsyncDisposable {
  readonly session: ClientHttp2Session;
  readonly gateway: TestGateway;
  /** Asks for a tunnel; `endStream`: and has nothing to say in it. */
  open(endStream?: boolean): ClientHttp2Stream;
}

async function stage(service: Service): Promise<Stage> {
  const gateway = await startGateway({
    services: { all: { endpoints: [service.url] } },
    routes: [{ name: "all", match: { path: "/*" }, service: "all" }],
  });
  const session = connect(`http://127.0.0.1:${gateway.port()}`);
  session.on("error", () => undefined);
  await once(session, "remoteSettings");
  assert.equal(session.remoteSettings.enableConnectProtocol, true);
  return {
    session,
    gateway,
    open: (endStream = false) =>
      session.request(
        {
          ":method": "CONNECT",
          ":protocol": "websocket",
          ":scheme": "http",
          ":path": "/socket",
          ":authority": "h2.test",
          "sec-websocket-version": "13",
          origin: "http://h2.test",
        },
        { endStream },
      ),
    async [Symbol.asyncDispose]() {
      session.destroy();
      await gateway.stop(0);
      await service.stop();
      assert.deepEqual(service.failures, []);
    },
  };
}

/** Agrees to the handshake and hands the tunnel to the script. */
function startTunnel(script: (tunnel: ServiceConnection) => Promise<void>, early = ""): Promise<Service> {
  return startRawService(async (connection) => {
    const head = await connection.head();
    if (!head) return;
    assert.equal(head.method, "GET");
    assert.equal(head.target, "/socket");
    assert.equal(head.field("upgrade")?.toLowerCase(), "websocket");
    assert.equal(head.field("origin"), "http://h2.test");
    assert.equal(head.field("host"), "h2.test");
    await connection.send(agreement(head.field("sec-websocket-key") ?? "") + early);
    await script(connection);
  });
}

async function echo(tunnel: ServiceConnection): Promise<void> {
  for await (const piece of tunnel.wire.body("close")) await tunnel.send(piece);
}

async function status(stream: ClientHttp2Stream): Promise<number> {
  const [fields] = (await within("the answer", once(stream, "response"))) as [{ ":status": number }];
  return fields[":status"];
}

async function read(stream: ClientHttp2Stream, length: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  while (size < length) {
    const piece = stream.read() as Buffer | null;
    if (piece === null) await within("bytes of the tunnel", once(stream, "readable"));
    else {
      pieces.push(piece);
      size += piece.length;
    }
  }
  return Buffer.concat(pieces);
}

test("bytes pass through a WebSocket over HTTP/2 both ways", async () => {
  await using here = await stage(await startTunnel(echo, "welcome"));
  const stream = here.open();
  assert.equal(await status(stream), 200);
  assert.equal((await read(stream, 7)).toString(), "welcome");
  for (let round = 1; round <= 50; round++) {
    const bytes = Buffer.alloc(round * 97, `round ${round} `);
    stream.write(bytes);
    assert.deepEqual(await read(stream, bytes.length), bytes);
  }
  stream.end();
  await within("the end", once(stream, "end"));
});

test("a client that has nothing to say ends its side with the request: the service hears so, and may speak", async () => {
  await using here = await stage(
    await startTunnel(async (tunnel) => {
      for await (const piece of tunnel.wire.body("close")) assert.fail(`came: ${piece.toString("latin1")}`);
      await tunnel.send("the last word");
    }),
  );
  const stream = here.open(true);
  assert.equal(await status(stream), 200);
  assert.equal((await read(stream, 13)).toString(), "the last word");
  stream.resume();
  await within("the end of the stream", once(stream, "close"));
  assert.equal(stream.rstCode, 0);
});

test("tunnels and requests share a connection", async () => {
  await using here = await stage(await startTunnel(echo));
  const streams = [here.open(), here.open(), here.open()];
  for (const stream of streams) assert.equal(await status(stream), 200);
  const large = Buffer.alloc(2 * MB, "abcdefghijklm");
  await Promise.all(
    streams.map(async (stream) => {
      stream.write(large);
      assert.ok((await read(stream, large.length)).equals(large));
      stream.end();
    }),
  );
});

test("a service that says no is answered with what it said", async () => {
  const service = await startRawService(async (connection) => {
    if (await connection.head())
      await connection.send("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno");
  });
  await using here = await stage(service);
  const stream = here.open();
  assert.equal(await status(stream), 403);
  assert.equal((await read(stream, 2)).toString(), "no");
});

test("a service that does not prove that it read the key is no WebSocket", async () => {
  const service = await startRawService(async (connection) => {
    if (await connection.head()) await connection.send(agreement("another key"));
  });
  await using here = await stage(service);
  assert.equal(await status(here.open()), 502);
});

test("a client that resets its stream closes the service's connection, and only that", async () => {
  const service = await startTunnel(echo);
  await using here = await stage(service);
  const left = here.open();
  const stays = here.open();
  left.on("error", () => undefined);
  assert.equal(await status(left), 200);
  assert.equal(await status(stays), 200);
  left.close(8);
  stays.write("still here");
  assert.equal((await read(stays, 10)).toString(), "still here");
});

test("a service that is gone resets the stream", async () => {
  await using here = await stage(
    await startTunnel(async (tunnel) => {
      await tunnel.wire.take(1);
      tunnel.socket.resetAndDestroy();
    }),
  );
  const stream = here.open();
  assert.equal(await status(stream), 200);
  const failed = once(stream, "error");
  stream.write("x");
  await within("the reset", failed);
});

test("a gateway that stops tells the client of a tunnel to go: Close 1001", async () => {
  await using here = await stage(await startTunnel(echo));
  const stream = here.open();
  stream.on("error", () => undefined);
  assert.equal(await status(stream), 200);
  const stopped = here.gateway.stop(5_000);
  assert.deepEqual(await read(stream, 4), Buffer.from([0x88, 2, 3, 0xe9]));
  // The client's own Close, masked with zeros.
  stream.end(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 3, 0xe9]));
  await within("the end of the gateway", stopped);
});

test("a client whose side is over is not waited for when the gateway stops: its Close cannot come", async () => {
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  await using here = await stage(await startTunnel(() => over));
  const stream = here.open(true);
  assert.equal(await status(stream), 200);
  const stopped = here.gateway.stop(5_000);
  assert.deepEqual(await read(stream, 4), Buffer.from([0x88, 2, 3, 0xe9]));
  stream.resume();
  await within("the end of the stream", once(stream, "close"));
  assert.equal(stream.rstCode, 0, "it is not cut");
  await within("the end of the gateway", stopped);
  end();
});

test("a client that has no room for a frame yet gets it whole, and the Close behind it", async () => {
  const frame = Buffer.concat([Buffer.from([0x82, 126, 0x13, 0x88]), Buffer.alloc(5_000, 0x2e)]);
  await using here = await stage(
    await startTunnel(async (tunnel) => {
      await tunnel.send(frame);
      await tunnel.wire.rest();
    }),
  );
  const session = connect(`http://127.0.0.1:${here.gateway.port()}`, {
    settings: { initialWindowSize: 1_000 },
  });
  await once(session, "remoteSettings");
  const stream = session.request({
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": "http",
    ":path": "/socket",
    ":authority": "h2.test",
    "sec-websocket-version": "13",
    origin: "http://h2.test",
  });
  assert.equal(await status(stream), 200);
  while (stream.readableLength < 1_000) await within("what there is room for", once(stream, "readable"));
  const told = once(session, "goaway");
  const stopped = here.gateway.stop(5_000);
  await within("the word that the gateway stops", told);
  assert.deepEqual(
    await read(stream, frame.length + 4),
    Buffer.concat([frame, Buffer.from([0x88, 2, 3, 0xe9])]),
  );
  stream.end(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 3, 0xe9]));
  await within("the end of the gateway", stopped);
  session.destroy();
});
