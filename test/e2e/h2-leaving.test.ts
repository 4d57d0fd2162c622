import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import { leasesOut } from "../../src/http/buffers.ts";
import {
  F,
  FramePeer,
  frame,
  headers,
  numberOf,
  octets,
  request,
  settingsFrame,
  T,
} from "../support/frames.ts";
import { refusals, startGateway, type TestGateway } from "../support/gateway.ts";
import { type Handler, type Service, startService } from "../support/service.ts";
import { settled, until, within } from "../support/wait.ts";

const MB = 1_048_576;

const answers: Handler = (_, response) => {
  response.end("here");
};

interface Stage extends AsyncDisposable {
  readonly gateway: TestGateway;
  readonly service: Service;
}

async function stage(handler: Handler, more: object = {}): Promise<Stage> {
  const service = await startService(handler);
  const gateway = await startGateway({
    services: { all: { endpoints: [service.url] } },
    routes: [{ name: "all", match: { path: "/*" }, service: "all" }],
    ...more,
  });
  return {
    gateway,
    service,
    async [Symbol.asyncDispose]() {
      await gateway.stop(0);
      await service.stop();
    },
  };
}

/** The last streams and codes of all GOAWAY frames. */
function farewells(peer: FramePeer): [number, number][] {
  return peer.frames
    .filter(({ type }) => type === T.goAway)
    .map(({ payload }) => [numberOf(payload.slice(0, 4)), numberOf(payload.slice(4, 8))]);
}

test("a gateway that stops says so first, then which stream was the last, and ends when it is answered", async () => {
  const waiting: (() => void)[] = [];
  await using here = await stage((_, response) => {
    waiting.push(() => response.end("late"));
  });
  const peer = await FramePeer.open(here.gateway.port());
  peer.send(headers(1, request()));
  await until("the request", () => waiting.length === 1);
  const stopped = here.gateway.stop(10_000);
  await peer.frame(({ type }) => type === T.goAway);
  const ping = await peer.frame(({ type, flags }) => type === T.ping && flags === 0);
  // On its way when the gateway said so: served.
  peer.send(headers(3, request()));
  await until("the second request", () => waiting.length === 2);
  peer.send(frame(T.ping, F.ack, 0, ping.payload));
  await peer.until("the second GOAWAY", () => farewells(peer).length === 2);
  assert.deepEqual(farewells(peer), [
    [0x7fff_ffff, 0],
    [3, 0],
  ]);
  // Behind the last: refused, and safe to try elsewhere.
  peer.send(headers(5, request()));
  await peer.until("the refusal", () => peer.reset(5) !== undefined);
  assert.equal(peer.reset(5), "REFUSED_STREAM");
  for (const answer of waiting) answer();
  assert.equal((await peer.answer(1)).body, "late");
  assert.equal((await peer.answer(3)).body, "late");
  assert.equal(await peer.end(), "NO_ERROR");
  peer.close();
  await within("the stop", stopped);
});

test("an idle connection is told to go and closed", async () => {
  await using here = await stage(answers, { limits: { idleTimeout: "300ms" } });
  const peer = await FramePeer.open(here.gateway.port());
  peer.send(headers(1, request()));
  assert.equal((await peer.answer(1)).status, 200);
  assert.equal(await peer.end(), "NO_ERROR");
  assert.deepEqual(farewells(peer), [[1, 0]]);
});

test("SETTINGS that never comes, and a header block that never ends, are not waited for", async () => {
  await using here = await stage(answers, {
    limits: { headerTimeout: "300ms" },
  });
  const late = await FramePeer.open(here.gateway.port());
  late.send(frame(T.headers, F.endStream, 1, ""));
  assert.equal(await late.end(), "PROTOCOL_ERROR");
  const silent = new FramePeer((await FramePeer.open(here.gateway.port())).raw);
  silent.send(`${octets(5, 3)}\x06\0`);
  assert.equal(await silent.end(), "PROTOCOL_ERROR");
});

test("SETTINGS of ours that nobody acknowledges ends the connection", async () => {
  await using here = await stage(answers, {
    limits: { headerTimeout: "300ms" },
  });
  const { connectRaw } = await import("../support/raw.ts");
  const peer = new FramePeer(await connectRaw(here.gateway.port()));
  peer.send(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${settingsFrame()}`);
  assert.equal(await peer.end(), "SETTINGS_TIMEOUT");
});

test("a body that comes too slowly is given up, that of a call of gRPC is not", async () => {
  await using here = await stage((incoming, response) => {
    incoming.resume();
    incoming.on("error", () => undefined);
    incoming.on("end", () => response.end("here"));
  });
  const peer = await FramePeer.open(here.gateway.port());
  peer.send(headers(1, request("POST"), false) + frame(T.data, 0, 1, "x"));
  peer.send(headers(3, request("POST", "/", [["content-type", "application/grpc"]]), false));
  peer.send(frame(T.data, 0, 3, "x"));
  assert.equal((await peer.answer(1)).status, 408);
  assert.equal(peer.reset(3), undefined);
  peer.send(frame(T.data, F.endStream, 3, "x"));
  assert.equal((await peer.answer(3)).status, 200);
  peer.close();
});

test("a client that gives no room is given up, the others on its connection are not", async () => {
  await using here = await stage(
    (incoming, response) => {
      response.end(incoming.url === "/large" ? Buffer.alloc(MB) : "here");
    },
    { limits: { idleTimeout: "500ms" } },
  );
  const peer = await FramePeer.open(here.gateway.port(), [4, 10]);
  peer.send(headers(1, request("GET", "/large")));
  await peer.until("ten octets", () =>
    peer.frames.some(({ type, stream }) => type === T.data && stream === 1),
  );
  peer.send(headers(3, request()));
  assert.equal((await peer.answer(3)).body, "here");
  await peer.until("the reset", () => peer.reset(1) !== undefined);
  assert.equal(peer.reset(1), "CANCEL");
  peer.close();
});

for (const [how, leave] of [
  ["resets its connection", (peer: FramePeer): void => peer.raw.close(true)],
  ["closes its connection", (peer: FramePeer): void => peer.raw.close()],
  ["sends its end", (peer: FramePeer): void => peer.raw.end()],
] as const)
  test(`a client that ${how} ends what the service does for it`, async () => {
    await using here = await stage((incoming) => {
      incoming.resume();
    });
    const peer = await FramePeer.open(here.gateway.port());
    for (let stream = 1; stream < 20; stream += 2) peer.send(headers(stream, request()));
    await until("the requests", () => here.service.seen.length === 10);
    leave(peer);
    await until("the service's connections to go", () => here.service.open.size === 0);
    peer.close();
  });

test("slow readers: every window is kept to, and every byte is right", async () => {
  const size = 8 * MB;
  const pattern = (seed: number): Buffer =>
    Buffer.alloc(size, `seed ${seed} of a body that differs everywhere;`);
  await using here = await stage((incoming, response) => {
    response.end(pattern(Number(incoming.url!.slice(1))));
  });
  const peers = await Promise.all(
    Array.from({ length: 6 }, async (_, i) => {
      const peer = await FramePeer.open(here.gateway.port(), [4, 100_000]);
      for (const stream of [1, 3, 5]) peer.send(headers(stream, request("GET", `/${i * 10 + stream}`)));
      return peer;
    }),
  );
  // Nobody gives room: what comes is the windows' 65,535 octets a connection.
  await settled(() => peers.reduce((sum, peer) => sum + peer.raw.received.length, 0));
  for (const peer of peers) {
    await peer.until("the first window", () => true);
    const octetsOf = peer.frames.reduce(
      (sum, { type, payload }) => sum + (type === T.data ? payload.length : 0),
      0,
    );
    assert.equal(octetsOf, 65_535);
  }
  await Promise.all(
    peers.map(async (peer, i) => {
      peer.send([1, 3, 5].map((stream) => frame(T.window, 0, stream, octets(size, 4))).join(""));
      const seen = new Map([1, 3, 5].map((stream) => [stream, [] as string[]]));
      for (let total = 0, at = 0; total < 3 * size; ) {
        await peer.until("more", () => peer.frames.length > at);
        for (; at < peer.frames.length; at++) {
          const { type, stream, payload } = peer.frames[at]!;
          if (type !== T.data) continue;
          seen.get(stream)!.push(payload);
          total += payload.length;
        }
        peer.send(frame(T.window, 0, 0, octets(200_000, 4)));
      }
      for (const [stream, pieces] of seen)
        assert.ok(
          Buffer.from(pieces.join(""), "latin1").equals(pattern(i * 10 + stream)),
          `stream ${stream}`,
        );
      peer.close();
    }),
  );
  await until("leases to come back", () => leasesOut() === 0);
  assert.equal(refusals(here.gateway, "http2_flood"), 0);
});

test("a client that stops reading does not make the gateway read its service dry", async () => {
  let sent = 0;
  let service: Socket | undefined;
  const server = createServer((socket) => {
    service = socket;
    socket.on("error", () => undefined);
    socket.once("data", () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${200 * MB}\r\n\r\n`);
      const piece = Buffer.alloc(MB);
      const more = (): void => {
        while (sent < 200 * MB) {
          sent += MB;
          if (!socket.write(piece)) return;
        }
      };
      socket.on("drain", more);
      more();
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as { port: number };
  const gateway = await startGateway({
    services: { all: { endpoints: [`http://127.0.0.1:${port}`] } },
    routes: [{ name: "all", match: { path: "/*" }, service: "all" }],
  });
  const peer = await FramePeer.open(gateway.port(), [4, 0x7fff_ffff]);
  peer.send(frame(T.window, 0, 0, octets(0x7fff_0000 - 65_535, 4)) + headers(1, request()));
  peer.raw.socket.pause();
  const stood = await settled(() => sent);
  assert.ok(stood < 60 * MB, `${stood} bytes left the service`);
  peer.close();
  service?.destroy();
  await gateway.stop(0);
  server.close();
});
