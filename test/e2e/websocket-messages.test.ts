/** What a route asks of the messages of its WebSockets, with the ws library at both ends. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { WebSocket } from "ws";
import { TestAuthority } from "../support/certificates.ts";
import { type Client, request } from "../support/client.ts";
import { startH2Service } from "../support/h2-service.ts";
import { Random } from "../support/random.ts";
import {
  type ServedHead,
  type Service,
  type ServiceConnection,
  startRawService,
} from "../support/service.ts";
import { stage } from "../support/stage.ts";
import { until, within } from "../support/wait.ts";
import { agreement, type Frame, framesFrom, handshake } from "../support/websocket.ts";
import { closing, KEY, type WrittenFrame, written } from "../support/websocket-frames.ts";
import { echoed, onStream, overHttp2, sendRaw, type Theatre, theatre } from "../support/websocket-theatre.ts";

const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;

type Way = "HTTP/1.1" | "HTTP/2" | "TLS";

/** A WebSocket that is open, and both its ends. */
async function opened(t: TestContext, scene: Theatre, way: Way) {
  const peers = once(scene.server, "connection");
  const client = way === "HTTP/2" ? await overHttp2(t, scene.gateway.port()) : await scene.open();
  const [peer] = (await within("the service", peers)) as [WebSocket];
  peer.on("error", () => undefined);
  return { client, peer };
}

/** The codes and reasons with which both ends are closed. */
async function bothClosed(client: WebSocket, peer: WebSocket, act: () => void): Promise<unknown[]> {
  const ends = [client, peer].map((end) => once(end, "close"));
  act();
  const closes = await within("both to close", Promise.all(ends));
  return closes.map(([code, reason]) => [code, String(reason)]);
}

/** Agrees to the handshake, with `early` in the same write, and hands the tunnel to the script. */
function startTunnel(
  script: (tunnel: ServiceConnection, head: ServedHead) => Promise<unknown>,
  early: Uint8Array = Buffer.alloc(0),
): Promise<Service> {
  return startRawService(async (connection) => {
    const head = await connection.head();
    if (!head) return;
    const agreed = Buffer.from(agreement(head.field("sec-websocket-key") ?? ""), "latin1");
    await connection.send(Buffer.concat([agreed, early]));
    await script(connection, head);
  });
}

/** A client that has shaken hands through a gateway whose route has these options. */
async function asked(
  t: TestContext,
  service: Service,
  websocket: object,
  fields: Record<string, string> = {},
): Promise<Client> {
  const { connect } = await stage(t, service, { routes: [{ name: "all", service: "main", websocket }] });
  const client = await connect();
  await client.send(request("GET /", { ...handshake().fields, ...fields }));
  assert.equal((await client.head()).status, 101);
  return client;
}

/** The next bytes that a client gets. */
async function taken(client: Client, length: number): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(client.wire.body(length)));
}

interface Case {
  readonly rules: object;
  readonly frames: readonly WrittenFrame[];
  readonly code: number;
  readonly words: string;
  readonly reason: string;
}

const SCHEMA = { type: "object", required: ["action"], properties: { action: { enum: ["say", "leave"] } } };

const CASES: Readonly<Record<string, Case>> = {
  "a message that is too large": {
    rules: { maxMessage: 10 },
    frames: [{ opcode: TEXT, payload: "12345678901" }],
    ...{ code: 1_009, words: "message too large", reason: "too_large" },
  },
  "a message that is too large with its fragments": {
    rules: { maxMessage: 10 },
    frames: [
      { opcode: BINARY, payload: "123456", final: false },
      { opcode: PING },
      { opcode: 0, payload: "78901" },
    ],
    ...{ code: 1_009, words: "message too large", reason: "too_large" },
  },
  "a frame that is too large": {
    rules: { maxFrame: "1KiB" },
    frames: [{ opcode: BINARY, payload: "x".repeat(1_025) }],
    ...{ code: 1_009, words: "message too large", reason: "too_large" },
  },
  "a kind that is not taken": {
    rules: { kinds: ["text"] },
    frames: [{ opcode: BINARY, payload: "x" }],
    ...{ code: 1_003, words: "kind of message not taken", reason: "kind" },
  },
  "too many messages": {
    rules: { messagesPerSecond: 0.001, burst: 3 },
    frames: [{ opcode: TEXT }, { opcode: TEXT }, { opcode: TEXT }, { opcode: TEXT }],
    ...{ code: 1_008, words: "too many messages", reason: "rate" },
  },
  "a text that is not UTF-8": {
    rules: { utf8: true },
    frames: [{ opcode: TEXT, payload: Buffer.from([0xff]) }],
    ...{ code: 1_007, words: "not well-formed", reason: "malformed" },
  },
  "a text that does not keep to the schema": {
    rules: { schema: SCHEMA },
    frames: [{ opcode: TEXT, payload: '{"action":"dance"}' }],
    ...{ code: 1_008, words: "message not valid", reason: "invalid" },
  },
  "a text that is no JSON where a schema is": {
    rules: { schema: SCHEMA },
    frames: [{ opcode: TEXT, payload: "{" }],
    ...{ code: 1_008, words: "message not valid", reason: "invalid" },
  },
  "what does not keep to the protocol": {
    rules: {},
    frames: [{ opcode: TEXT, reserved: 0x20 }],
    ...{ code: 1_002, words: "not well-formed", reason: "malformed" },
  },
};

for (const way of ["HTTP/1.1", "HTTP/2"] as const)
  for (const [what, { rules, frames, code, words, reason }] of Object.entries(CASES)) {
    test(`of a client over ${way}, ${what}: both ends are closed and told why, and so is the log`, async (t) => {
      const scene = await theatre(t, { fromClient: rules });
      const { client, peer } = await opened(t, scene, way);
      const closes = await bothClosed(client, peer, () =>
        sendRaw(client, Buffer.concat(frames.map((frame) => written({ mask: KEY, ...frame })))),
      );
      assert.deepEqual(closes, [
        [code, words],
        [code, words],
      ]);
      await until("the count", () => scene.ended(`message_${reason}`) === 1);
      assert.equal(scene.ended("client_left"), 0);
    });

    test(`of a service to ${way}, ${what}: the same`, async (t) => {
      const scene = await theatre(t, { fromService: rules });
      const { client, peer } = await opened(t, scene, way);
      const closes = await bothClosed(client, peer, () => sendRaw(peer, Buffer.concat(frames.map(written))));
      assert.deepEqual(closes, [
        [code, words],
        [code, words],
      ]);
      await until("the count", () => scene.ended(`service_message_${reason}`) === 1);
    });
  }

for (const way of ["HTTP/1.1", "HTTP/2"] as const)
  test(`a client over ${way} whose own Close comes with what is refused: the service is told why all the same`, async (t) => {
    const scene = await theatre(t, { fromClient: { kinds: ["text"] } });
    const { client, peer } = await opened(t, scene, way);
    const closes = await bothClosed(client, peer, () => {
      const close = written({ opcode: CLOSE, payload: closing(1_000), mask: KEY });
      sendRaw(client, Buffer.concat([written({ opcode: BINARY, payload: "x", mask: KEY }), close]));
    });
    assert.deepEqual(closes, [
      [1_003, "kind of message not taken"],
      [1_003, "kind of message not taken"],
    ]);
    await until("the count", () => scene.ended("message_kind") === 1);
  });

test("what stands before a refused message arrives, and nothing of it", async (t) => {
  const scene = await theatre(t, { fromClient: { maxMessage: 100_000 } });
  const { client, peer } = await opened(t, scene, "HTTP/1.1");
  const arrived: number[] = [];
  peer.on("message", (data: Buffer) => arrived.push(data.length));
  await bothClosed(client, peer, () => {
    for (const size of [0, 100_000, 5, 100_001, 7]) client.send(Buffer.alloc(size));
  });
  assert.deepEqual(arrived, [0, 100_000, 5]);
});

test("a Close waits for the frame of the other direction that is under way", async (t) => {
  const frame = written({ opcode: BINARY, payload: Buffer.alloc(200_000, 7) });
  const told: Frame[] = [];
  const service = await startTunnel(async (tunnel) => {
    await tunnel.send(frame.subarray(0, 100_000));
    for await (const one of framesFrom(tunnel.wire)) {
      told.push(one);
      await tunnel.send(frame.subarray(100_000));
    }
  });
  const client = await asked(t, service, { fromClient: { maxMessage: 10 } });
  const begun = await taken(client, 100_000);
  await client.send(written({ opcode: TEXT, payload: "more than ten bytes", mask: KEY }));
  assert.ok(Buffer.concat([begun, await taken(client, 100_004)]).equals(frame.subarray(0, 200_004)));
  const close = written({ opcode: CLOSE, payload: closing(1_009, "message too large") });
  assert.deepEqual(
    await taken(client, frame.length - 200_004 + close.length),
    Buffer.concat([frame.subarray(200_004), close]),
  );
  assert.deepEqual(told, [{ opcode: CLOSE, content: closing(1_009, "message too large") }]);
  await client.send(written({ opcode: CLOSE, payload: closing(1_009), mask: KEY }));
  assert.equal(await client.closed(), "");
});

test("a client that goes on sending and never answers the Close is cut, and the reason stays", async (t) => {
  const scene = await theatre(t, { fromClient: { maxMessage: 10 } });
  const { client, peer } = await opened(t, scene, "HTTP/1.1");
  client.pause();
  const closed = once(peer, "close");
  sendRaw(client, written({ opcode: TEXT, payload: "more than ten bytes", mask: KEY }));
  const timer = setInterval(() => sendRaw(client, written({ opcode: TEXT, payload: "x", mask: KEY })), 5);
  t.after(() => clearInterval(timer));
  assert.equal((await within("the service's close", closed))[0], 1_009);
  await until("the cut", () => scene.ended("message_too_large") === 1);
  await until("the connection to go", () => scene.gateway.gateway.listeners.connections === 0);
});

test("an ordinary Close passes, with its code and words, where messages are looked at", async (t) => {
  for (const way of ["HTTP/1.1", "HTTP/2"] as const)
    for (const first of ["client", "peer"] as const) {
      const scene = await theatre(t, { fromClient: { utf8: true }, fromService: {} });
      const ends = await opened(t, scene, way);
      const closes = await bothClosed(ends.client, ends.peer, () => ends[first].close(4_002, "enough"));
      assert.deepEqual(closes, [
        [4_002, "enough"],
        [4_002, "enough"],
      ]);
    }
});

test("messages of every size pass both ways where messages are looked at, over every way", async (t) => {
  using authority = new TestAuthority();
  const { cert, key } = authority.issue({ names: ["DNS:localhost", "IP:127.0.0.1"] });
  const all = { maxMessage: "2MiB", utf8: true, messagesPerSecond: 1_000_000 };
  for (const way of ["HTTP/1.1", "HTTP/2", "TLS"] as const) {
    const tls = way === "TLS" ? { certificates: [{ cert, key }] } : undefined;
    const scene = await theatre(t, { fromClient: all, fromService: all }, {}, tls);
    const { client } = await opened(t, scene, way);
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 1_048_576]) {
      await echoed(client, new Random(size).bytes(size));
      const answer = once(client, "message");
      const text = "ü".repeat(size >> 1);
      client.send(text);
      const [data, binary] = await within("the echo", answer);
      assert.equal(binary, false);
      assert.ok(String(data) === text, `${size} bytes of text`);
    }
  }
});

test("slow readers at both ends get every byte of what was looked at", async (t) => {
  for (const way of ["HTTP/1.1", "HTTP/2"] as const) {
    const scene = await theatre(t, { fromClient: { maxMessage: "1MiB" }, fromService: { utf8: true } });
    const { client, peer } = await opened(t, scene, way);
    const sent = Array.from({ length: 60 }, (_, nth) => new Random(nth).bytes(200_000 + nth));
    const got: Buffer[] = [];
    client.on("message", (data: Buffer) => got.push(data));
    client.pause();
    peer.pause();
    for (const one of sent) client.send(one);
    for (let round = 0; got.length < sent.length; round++) {
      assert.ok(round < 5_000, `${got.length} of ${sent.length}`);
      const [awake, asleep] = round % 2 === 0 ? [client, peer] : [peer, client];
      awake.resume();
      await new Promise<void>((done) => setTimeout(done, 2));
      asleep.resume();
      awake.pause();
    }
    for (const [nth, one] of sent.entries()) assert.ok(got[nth]!.equals(one), `message ${nth}`);
    client.resume();
    peer.resume();
  }
});

test("a bad message is left out and its sender told, and the WebSocket stays", async (t) => {
  for (const way of ["HTTP/1.1", "HTTP/2"] as const) {
    const side = { schema: SCHEMA, onInvalid: "drop" };
    const scene = await theatre(t, { fromClient: side, fromService: side });
    const { client, peer } = await opened(t, scene, way);
    const atClient: string[] = [];
    const atService: string[] = [];
    client.on("message", (data: Buffer) => atClient.push(String(data)));
    peer.on("message", (data: Buffer) => atService.push(String(data)));
    const bad = '{"action":"dance"}';
    const good = '{"action":"say"}';
    for (const one of [bad, good]) client.send(one);
    await until("the echo", () => atClient.includes(good));
    const told = '{"error":"message_invalid","detail":"/action must be equal to one of the allowed values"}';
    assert.deepEqual(atClient, [told, good]);
    assert.deepEqual(atService, [good]);
    // It would answer what it is told, which the schema does not know.
    peer.removeAllListeners("message");
    peer.on("message", (data: Buffer) => atService.push(String(data)));
    peer.send(bad);
    await until("the word to the service", () => atService.length === 2);
    assert.equal(atService[1], told);
    assert.equal(atClient.length, 2);
    assert.equal(client.readyState, 1);
  }
});

for (const way of ["HTTP/1.1", "HTTP/2"] as const)
  test(`too many messages wait over ${way}, with onExcess: delay, and all arrive in their order`, async (t) => {
    const slow = { messagesPerSecond: 100, burst: 2, onExcess: "delay" };
    const scene = await theatre(t, { fromClient: slow, fromService: slow });
    const { client, peer } = await opened(t, scene, way);
    const atService: string[] = [];
    const atClient: string[] = [];
    peer.on("message", (data: Buffer) => atService.push(String(data)));
    client.on("message", (data: Buffer) => atClient.push(String(data)));
    const sent = Array.from({ length: 12 }, (_, nth) => `message ${nth}`);
    for (const one of sent) client.send(one);
    await until("all", () => atClient.length === sent.length);
    assert.deepEqual(atService, sent);
    assert.deepEqual(atClient, sent);
    assert.equal(client.readyState, 1);
  });

test("to a service by HTTP/2 the same holds", async (t) => {
  const peers: WebSocket[] = [];
  const service = await startH2Service(
    (stream, headers) => {
      assert.equal(headers["sec-websocket-extensions"], undefined);
      stream.respond({ ":status": 200 });
      const peer = onStream(stream, true);
      peer.on("message", (data, binary) => peer.send(data, { binary }));
      peers.push(peer);
    },
    { settings: { enableConnectProtocol: true } },
  );
  const websocket = { fromClient: { maxMessage: 1_000_000, utf8: true }, fromService: { utf8: true } };
  const { gateway } = await stage(t, service, { routes: [{ name: "all", service: "main", websocket }] });
  const overHttp1 = new WebSocket(`ws://127.0.0.1:${gateway.port()}/`);
  await within("the handshake", once(overHttp1, "open"));
  for (const client of [overHttp1, await overHttp2(t, gateway.port())]) {
    for (const size of [0, 126, 65_536, 1_000_000]) await echoed(client, new Random(size).bytes(size));
    const closes = await bothClosed(client, peers.at(client === overHttp1 ? 0 : 1)!, () =>
      client.send(Buffer.alloc(1_000_001)),
    );
    assert.deepEqual(closes, [
      [1_009, "message too large"],
      [1_009, "message too large"],
    ]);
  }
});

test("what waits when the gateway stops does not keep it", async (t) => {
  const scene = await theatre(t, { fromClient: { messagesPerSecond: 0.001, burst: 1, onExcess: "delay" } });
  const { client } = await opened(t, scene, "HTTP/1.1");
  await echoed(client, Buffer.from("first"));
  client.send("second");
  const closed = once(client, "close");
  const stopped = scene.gateway.stop(10_000);
  assert.equal((await within("the close", closed))[0], 1_001);
  await within("the stop", stopped);
});

test("compression is agreed on where only frames are bounded, and passes", async (t) => {
  const scene = await theatre(
    t,
    { fromClient: { maxFrame: "1MiB" } },
    { perMessageDeflate: { threshold: 0 } },
  );
  const client = await scene.open({ perMessageDeflate: { threshold: 0 } });
  assert.equal(client.extensions, "permessage-deflate");
  for (const size of [1, 1_000, 300_000]) await echoed(client, Buffer.alloc(size, "abc"));
});

test("compression is not agreed on where it would hide what is bounded", async (t) => {
  for (const rules of [{ maxMessage: 10_000 }, { utf8: true }, { schema: true }]) {
    const scene = await theatre(t, { fromService: rules }, { perMessageDeflate: true });
    const client = await scene.open({ perMessageDeflate: true });
    assert.equal(client.extensions, "");
    await echoed(client, Buffer.alloc(10_000));
  }
});

test("of the extensions that are offered, the service sees those that the gateway can follow", async (t) => {
  const offers =
    'x-mux; a="1", permessage-deflate; client_max_window_bits, permessage-deflate, permessage-deflated';
  const cases: [websocket: object, seen: string | undefined][] = [
    [{}, offers],
    [{ fromClient: {} }, "permessage-deflate; client_max_window_bits, permessage-deflate"],
    [{ fromClient: { maxMessage: 1 } }, undefined],
  ];
  for (const [websocket, seen] of cases) {
    let got: string | undefined;
    const service = await startTunnel(async (tunnel, head) => {
      got = head.field("sec-websocket-extensions");
      await tunnel.wire.rest();
    });
    await asked(t, service, websocket, { "Sec-WebSocket-Extensions": offers });
    assert.equal(got, seen);
  }
});

test("frames right behind the handshake are looked at as well", async (t) => {
  const large = written({ opcode: TEXT, payload: "x".repeat(20) });
  const service = await startTunnel((tunnel) => tunnel.wire.rest(), large);
  const client = await asked(t, service, { fromService: { maxMessage: 10 } });
  const close = written({ opcode: CLOSE, payload: closing(1_009, "message too large") });
  assert.deepEqual(await taken(client, close.length), close);
  await client.send(written({ opcode: CLOSE, payload: closing(1_009), mask: KEY }));
  assert.equal(await client.closed(), "");
});
