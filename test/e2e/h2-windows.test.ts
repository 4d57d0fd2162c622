import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
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
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { type Service, startService } from "../support/service.ts";
import { until } from "../support/wait.ts";

/** What a gateway announces for the connection and for each stream, unless a config says otherwise. */
const CONNECTION_WINDOW = 1_048_576;
const STREAM_WINDOW = 262_144;
const PIECE = "p".repeat(16_000);

/** The sum of what a stream was given, or the connection for 0. */
function given(peer: FramePeer, stream: number): number {
  return peer.frames.reduce(
    (sum, { type, stream: of, payload }) =>
      type === T.window && of === stream ? sum + numberOf(payload) : sum,
    0,
  );
}

suite("windows of HTTP/2", () => {
  let service: Service;
  let gateway: TestGateway;

  before(async () => {
    service = await startService((incoming, response) => {
      if (incoming.url === "/blocked") return;
      if (incoming.url === "/large") response.end("x".repeat(100_000));
      else incoming.pipe(response);
    });
    gateway = await startGateway({
      services: {
        all: { endpoints: [service.url] },
        busy: { endpoints: [service.url], connections: { max: 1, waitTimeout: "60s" } },
      },
      routes: [
        { name: "all", match: { path: "/*" }, service: "all" },
        { name: "busy", match: { path: "/blocked" }, service: "busy" },
      ],
    });
    // The only connection of this service is taken: whoever comes later waits, and nobody takes its body.
    const first = await FramePeer.open(gateway.port());
    first.send(headers(1, request("GET", "/blocked")));
    await until("the first request", () => service.seen.length === 1);
  });

  after(async () => {
    await gateway.stop(0);
    await service.stop();
  });

  test("the windows are those of the config's defaults", async () => {
    const peer = await FramePeer.open(gateway.port());
    const { payload } = peer.frames[0]!;
    const values = new Map<number, number>();
    for (let at = 0; at < payload.length; at += 6)
      values.set(numberOf(payload.slice(at, at + 2)), numberOf(payload.slice(at + 2, at + 6)));
    assert.deepEqual(
      [...values],
      [
        [3, 128],
        [4, STREAM_WINDOW],
        [6, 32_768],
        [8, 1],
      ],
    );
    await peer.ping();
    assert.equal(given(peer, 0), CONNECTION_WINDOW - 65_535);
    peer.close();
  });

  test("no room is given back for what nobody takes, and another stream goes on", async () => {
    const peer = await FramePeer.open(gateway.port());
    await peer.ping();
    const before = given(peer, 0);
    peer.send(headers(1, request("POST", "/blocked"), false) + frame(T.data, 0, 1, PIECE).repeat(16));
    await peer.ping();
    assert.equal(given(peer, 1), 0);
    assert.equal(given(peer, 0), before);
    peer.send(headers(3, request("POST", "/echo"), false) + frame(T.data, 0, 3, PIECE).repeat(3));
    peer.send(frame(T.data, F.endStream, 3, PIECE));
    assert.equal((await peer.answer(3)).body.length, 64_000);
    assert.equal(given(peer, 1), 0);
    peer.close();
  });

  test("what is thrown away is given back to the connection: with resets, padding, and streams that are over", async () => {
    const peer = await FramePeer.open(gateway.port());
    await peer.ping();
    let sent = 0;
    for (let round = 0; round < 40; round++) {
      const stream = 4 * round + 1;
      const padded = frame(T.data, F.padded, stream, `\xff${PIECE.slice(0, 1_000)}${"\0".repeat(255)}`);
      peer.send(headers(stream, request("POST", "/blocked"), false));
      peer.send(frame(T.data, 0, stream, PIECE).repeat(8) + padded);
      peer.send(frame(T.reset, 0, stream, octets(8, 4)));
      // A malformed request is reset; what was on its way behind it is let pass.
      peer.send(headers(stream + 2, request("POST", "/", [["Upper", "1"]]), false));
      peer.send(frame(T.data, 0, stream + 2, PIECE).repeat(2));
      sent += 10 * PIECE.length + 1_256;
      await peer.ping();
    }
    assert.ok(sent > 5 * CONNECTION_WINDOW);
    const left = 65_535 + given(peer, 0) - sent;
    assert.ok(left > CONNECTION_WINDOW / 2 && left <= CONNECTION_WINDOW, `${left} octets are left`);
    peer.close();
  });

  test("a stream gets room as its service takes what came", async () => {
    const peer = await FramePeer.open(gateway.port(), [4, 0x7fff_ffff]);
    peer.send(frame(T.window, 0, 0, octets(100_000_000, 4)));
    peer.send(headers(1, request("POST", "/echo"), false));
    let sent = 0;
    for (let round = 0; round < 200; round++) {
      await peer.until("room", () => STREAM_WINDOW + given(peer, 1) - sent >= PIECE.length);
      peer.send(frame(T.data, 0, 1, PIECE));
      sent += PIECE.length;
    }
    peer.send(frame(T.data, F.endStream, 1, ""));
    assert.equal((await peer.answer(1)).body.length, 200 * PIECE.length);
    peer.close();
  });

  test("a window that SETTINGS makes negative is waited for until it is positive", async () => {
    const peer = await FramePeer.open(gateway.port(), [4, 50_000]);
    peer.send(headers(1, request("GET", "/large")));
    const came = (): number =>
      peer.frames.reduce((sum, { type, payload }) => (type === T.data ? sum + payload.length : sum), 0);
    await peer.until("the first window", () => came() === 50_000);
    peer.send(settingsFrame([4, 10_000]));
    peer.send(frame(T.window, 0, 1, octets(40_000, 4)));
    await peer.ping();
    assert.equal(came(), 50_000);
    peer.send(frame(T.window, 0, 1, octets(1, 4)));
    await peer.until("one octet more", () => came() === 50_001);
    peer.send(settingsFrame([4, 1_000_000]));
    // Now the connection's own window holds it up.
    await peer.until("the connection's window", () => came() === 65_535);
    peer.send(frame(T.window, 0, 0, octets(100_000, 4)));
    assert.equal((await peer.answer(1)).body.length, 100_000);
    peer.close();
  });

  test("a peer that takes small frames only gets none larger than it must take", async () => {
    const peer = await FramePeer.open(gateway.port(), [5, 16_384]);
    peer.send(frame(T.window, 0, 0, octets(1_000_000, 4)) + frame(T.window, 0, 0, octets(1, 4)));
    peer.send(headers(1, request("GET", "/large")) + frame(T.window, 0, 1, octets(1_000_000, 4)));
    assert.equal((await peer.answer(1)).body.length, 100_000);
    assert.ok(peer.frames.every(({ payload }) => payload.length <= 16_384));
    peer.close();
  });

  test("100 Continue is passed on", async () => {
    const peer = await FramePeer.open(gateway.port());
    peer.send(headers(1, request("POST", "/echo", [["expect", "100-continue"]]), false));
    await peer.frame(({ type, stream, flags }) => type === T.headers && stream === 1 && (flags & 1) === 0);
    peer.send(frame(T.data, F.endStream, 1, "content"));
    const { status, body } = await peer.answer(1);
    assert.deepEqual({ status, body }, { status: 200, body: "content" });
    peer.close();
  });
});
