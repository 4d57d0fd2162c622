import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { block, F, FramePeer, frame, headers, octets, request, settingsFrame, T } from "../support/frames.ts";
import { refusals, startGateway, type TestGateway } from "../support/gateway.ts";
import { type Service, startService } from "../support/service.ts";

const NEVER = request("GET", "/never");
const UPLOAD = request("POST", "/never");
/** The head of a request that is reset at once, and of which more may be on its way. */
const RESET = headers(1, request("POST", "/never", [["Upper", "1"]]), false);
const LARGE = request("GET", "/large");

/** Waits until a count is so high, or stands still for half a second; gives its value. */
async function reached(count: () => number, wanted: number): Promise<number> {
  for (let last = count(), same = 0; count() < wanted && same < 100; ) {
    await sleep(5);
    same = count() === last ? same + 1 : 0;
    last = count();
  }
  return count();
}

suite("floods of HTTP/2 frames", () => {
  let service: Service;
  let gateway: TestGateway;

  before(async () => {
    service = await startService((incoming, response) => {
      incoming.resume();
      if (incoming.url === "/large") response.end("x".repeat(1_000_000));
      else if (incoming.url === "/head") response.writeHead(204, { "x-large": "l".repeat(5_000) }).end();
      else if (incoming.url !== "/never") response.end("here");
    });
    gateway = await startGateway({
      services: { all: { endpoints: [service.url] } },
      routes: [{ name: "all", match: { path: "/*" }, service: "all" }],
    });
  });

  after(async () => {
    await gateway.stop(0);
    await service.stop();
  });

  /** Sends a piece again and again, for what the connection takes; gives the code that it ended with. */
  async function flood(piece: (round: number) => string, rounds: number, peer?: FramePeer): Promise<string> {
    const client = peer ?? (await FramePeer.open(gateway.port()));
    const before = refusals(gateway, "http2_flood");
    for (let round = 0; round < rounds && !client.raw.ended; round++) {
      client.send(piece(round));
      if (round % 50 === 0) await client.raw.sendPieces([""]);
    }
    const code = await client.end();
    assert.equal(refusals(gateway, "http2_flood"), before + 1);
    client.close();
    return code;
  }

  const FLOODS: readonly (readonly [string, (round: number) => string])[] = [
    ["PING", () => frame(T.ping, 0, 0, "8 octets").repeat(10)],
    ["SETTINGS", () => settingsFrame([4, 70_000])],
    ["empty SETTINGS", () => settingsFrame()],
    ["PRIORITY", () => frame(T.priority, 0, 1, "\0\0\0\0\x10").repeat(10)],
    ["unknown frames", () => frame(0xbe, 0, 0, "").repeat(10)],
    ["WINDOW_UPDATE", () => frame(T.window, 0, 0, octets(1, 4)).repeat(10)],
    [
      "a stream that is opened and reset",
      (i) => headers(2 * i + 1, NEVER) + frame(T.reset, 0, 2 * i + 1, octets(8, 4)),
    ],
    [
      "a stream that makes us reset it",
      (i) => headers(2 * i + 1, NEVER) + frame(T.window, 0, 2 * i + 1, octets(0, 4)),
    ],
    ["a malformed request", (i) => headers(2 * i + 1, request("GET", "/", [["Upper", "1"]]))],
    [
      "RST_STREAM of streams that are over",
      (i) => (i === 0 ? headers(1, NEVER) : "") + frame(T.reset, 0, 1, octets(8, 4)).repeat(10),
    ],
    [
      "a body that is shorter than it says",
      (i) =>
        headers(2 * i + 1, request("POST", "/never", [["content-length", "5"]]), false) +
        frame(T.data, F.endStream, 2 * i + 1, "x"),
    ],
    [
      "a body that is longer than it says",
      (i) =>
        headers(2 * i + 1, request("POST", "/never", [["content-length", "1"]]), false) +
        frame(T.data, 0, 2 * i + 1, "xyz"),
    ],
    [
      "trailers that are malformed",
      (i) => headers(2 * i + 1, UPLOAD, false) + headers(2 * i + 1, [["Upper", "1"]]),
    ],
    [
      "trailers that end nothing",
      (i) => headers(2 * i + 1, UPLOAD, false) + headers(2 * i + 1, [["x-t", "1"]], false),
    ],
    ["DATA behind the end of a request", (i) => headers(2 * i + 1, NEVER) + frame(T.data, 0, 2 * i + 1, "x")],
    ["empty DATA", (i) => (i === 0 ? headers(1, UPLOAD, false) : "") + frame(T.data, 0, 1, "").repeat(10)],
    [
      "DATA that is padding only",
      (i) => (i === 0 ? headers(1, UPLOAD, false) : "") + frame(T.data, F.padded, 1, "\x02\0\0").repeat(10),
    ],
    [
      "empty DATA on a stream that was reset",
      (i) => (i === 0 ? RESET : "") + frame(T.data, F.endStream, 1, "").repeat(10),
    ],
    [
      "padding on a stream that was reset",
      (i) => (i === 0 ? RESET : "") + frame(T.data, F.padded, 1, "\x02\0\0").repeat(10),
    ],
    [
      "HEADERS on a stream that was reset",
      (i) => (i === 0 ? RESET : "") + headers(1, [["x-t", "1"]]).repeat(10),
    ],
    ["answers to no PING", () => frame(T.ping, F.ack, 0, "8 octets").repeat(10)],
  ];

  for (const [what, piece] of FLOODS)
    test(`${what}: the connection is told to be calm, and ends`, async () => {
      assert.equal(await flood(piece, 5_000), "ENHANCE_YOUR_CALM");
    });

  test("CONTINUATION without end", async () => {
    const first = frame(T.headers, F.endStream, 1, block(request()));
    const more = frame(T.continuation, 0, 1, block([["x-more", "y".repeat(1_000)]]));
    assert.equal(await flood((round) => (round === 0 ? first : more), 1_000), "ENHANCE_YOUR_CALM");
  });

  test("CONTINUATION of nothing without end", async () => {
    const first = frame(T.headers, F.endStream, 1, block(request()));
    const code = await flood((round) => (round === 0 ? first : frame(T.continuation, 0, 1, "")), 1_000);
    assert.equal(code, "ENHANCE_YOUR_CALM");
  });

  test("a window that is opened octet by octet", async () => {
    const peer = await FramePeer.open(gateway.port(), [4, 0]);
    peer.send(headers(1, LARGE));
    assert.equal(
      await flood(() => frame(T.window, 0, 1, octets(1, 4)).repeat(10), 5_000, peer),
      "ENHANCE_YOUR_CALM",
    );
  });

  test("a client that asks and never reads is not read any more, until it reads", async () => {
    const peer = await FramePeer.open(gateway.port());
    peer.raw.socket.pause();
    const before = service.seen.length;
    const ROUND = 50;
    let asked = 0;
    // Never more at once than the streams that it may have; what the kernel and the gateway keep is full some day.
    for (let still = false; !still && asked < 20_000; asked += ROUND) {
      for (let i = asked; i < asked + ROUND; i++) peer.send(headers(2 * i + 1, request("GET", "/head")));
      still = (await reached(() => service.seen.length - before, asked + ROUND)) < asked + ROUND;
    }
    assert.ok(asked > 100 && asked < 20_000, `${asked} requests were served`);
    peer.raw.socket.resume();
    assert.equal((await peer.answer(2 * asked - 1)).status, 204);
    assert.equal(peer.goAway, undefined);
    peer.close();
  });

  test("more streams than were announced are refused, and may be tried again", async () => {
    const peer = await FramePeer.open(gateway.port());
    for (let i = 0; i < 130; i++) peer.send(headers(2 * i + 1, NEVER));
    await peer.ping();
    assert.equal(peer.reset(255), undefined);
    assert.equal(peer.reset(257), "REFUSED_STREAM");
    assert.equal(peer.reset(259), "REFUSED_STREAM");
    peer.close();
  });

  test("a header block that grows as it is decoded is answered, and the connection goes on", async () => {
    const peer = await FramePeer.open(gateway.port());
    // A field of 3,105 octets enters the table and stands 12,000 times in the block: 37 MB of fields.
    const field = `\x40\x05x-big\x7f\x81\x17${"a".repeat(3_072)}`;
    peer.send(
      frame(T.headers, F.endHeaders | F.endStream, 1, block(request()) + field + "\xbe".repeat(12_000)),
    );
    assert.equal((await peer.answer(1)).status, 431);
    peer.send(headers(3, request()));
    assert.equal((await peer.answer(3)).status, 200);
    peer.close();
  });

  test("what a usual client does is no flood: 3,000 requests one after the other, with their updates", async () => {
    const peer = await FramePeer.open(gateway.port());
    for (let i = 0; i < 3_000; i += 100) {
      let bytes = "";
      for (let k = i; k < i + 100; k++)
        bytes +=
          headers(2 * k + 1, request()) + frame(T.window, 0, 0, octets(4, 4)).repeat(k % 3 === 0 ? 1 : 0);
      peer.send(bytes);
      await peer.answer(2 * (i + 99) + 1);
      for (let k = i; k < i + 100; k++) assert.equal((await peer.answer(2 * k + 1)).status, 200);
      peer.frames.length = 0;
    }
    peer.close();
  });
});
