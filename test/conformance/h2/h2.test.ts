import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { FramePeer, frame, headers, request, settingsFrame, T } from "../../support/frames.ts";
import { startGateway, type TestGateway } from "../../support/gateway.ts";
import { connectRaw } from "../../support/raw.ts";
import { type Handler, type Service, startService } from "../../support/service.ts";
import { until } from "../../support/wait.ts";
import type { Case, Expected } from "./cases.ts";
import { CONNECTION_CASES } from "./connection-cases.ts";
import { REQUEST_CASES } from "./request-cases.ts";
import { STREAM_CASES } from "./stream-cases.ts";

/** A stream behind all that the cases use. */
const BEHIND = 2_001;

suite("RFC 9113, as a server", () => {
  /** Sees the requests of cases of which none may reach a service. */
  let guarded: Service;
  let service: Service;
  let gateway: TestGateway;

  before(async () => {
    const answer: Handler = (incoming, response) => {
      if (incoming.url === "/never" || incoming.url === "/queued") return;
      if (incoming.url === "/echo") incoming.pipe(response);
      else {
        incoming.resume();
        incoming.on("end", () => response.end("here"));
      }
    };
    guarded = await startService(answer);
    service = await startService(answer);
    gateway = await startGateway({
      listeners: ["guarded", "reached"].map((name) => ({
        name,
        address: "127.0.0.1:0",
        http2: { maxStreams: 4 },
      })),
      limits: { target: 8_000 },
      services: {
        guarded: { endpoints: [guarded.url] },
        reached: { endpoints: [service.url] },
        busy: { endpoints: [service.url], connections: { max: 1 } },
      },
      routes: [
        ...["guarded", "reached"].map((name) => ({
          name,
          match: { path: "/*" },
          listeners: [name],
          service: name,
        })),
        { name: "queued", match: { path: "/queued" }, service: "busy" },
      ],
    });
    // Whoever comes behind this one waits for a connection, and nobody takes what it sends.
    const first = await FramePeer.open(gateway.port());
    first.send(headers(1, request("GET", "/queued")));
    await until("the first request", () => service.targets.includes("/queued"));
  });

  after(async () => {
    await gateway.stop(0);
    await service.stop();
    await guarded.stop();
  });

  const named = (names: string | readonly string[]): readonly string[] =>
    typeof names === "string" ? [names] : names;

  async function meets(peer: FramePeer, expect: Expected): Promise<void> {
    if (expect === "lives") {
      assert.equal(await peer.ping(), true, "the connection ended");
      assert.equal(peer.goAway, undefined);
    } else if ("goAway" in expect) {
      const code = await peer.end();
      assert.ok(named(expect.goAway).includes(code), `GOAWAY with ${code}`);
    } else if ("reset" in expect) {
      const stream = expect.stream ?? 1;
      await peer.until("a reset", () => peer.reset(stream) !== undefined);
      assert.ok(named(expect.reset).includes(peer.reset(stream)!), `RST_STREAM with ${peer.reset(stream)}`);
    } else assert.equal((await peer.answer(expect.stream ?? 1)).status, expect.status);
  }

  async function judge({ send, expect, reaches, full, streams }: Case, inPieces = false): Promise<void> {
    const peer = await FramePeer.open(gateway.port(reaches ? "reached" : "guarded"));
    const before = guarded.seen.length;
    if (typeof send !== "string") await send(peer);
    else if (inPieces) await peer.raw.sendPieces([...send]);
    else peer.send(send);
    await meets(peer, expect);
    const ends = typeof expect === "object" && "goAway" in expect;
    if (!ends && !full) {
      peer.send(headers(BEHIND, request()));
      const { status, body } = await peer.answer(BEHIND);
      assert.deepEqual({ status, body }, { status: 200, body: "here" }, "the connection goes on");
    }
    const answered = typeof expect === "object" && "status" in expect && expect.status === 200;
    // A body that comes in pieces begins its way before it shows to be malformed.
    if (!reaches && !(inPieces && streams))
      assert.equal(guarded.seen.length - before, (answered ? 1 : 0) + (ends ? 0 : 1), "requests seen");
    peer.close();
  }

  for (const one of [...CONNECTION_CASES, ...STREAM_CASES, ...REQUEST_CASES]) {
    const name = `${one.section.includes("RFC") ? "" : "§"}${one.section} ${one.title}`;
    test(name, () => judge(one));
    if (typeof one.send === "string" && one.send.length < 1_000)
      test(`${name}, octet by octet`, () => judge(one, true));
  }

  test("§3.4 the preface of the server is SETTINGS, and the client's is acknowledged", async () => {
    const peer = await FramePeer.open(gateway.port(), [3, 10]);
    await peer.ping();
    assert.equal(peer.frames[0]!.type, T.settings);
    assert.equal(peer.frames[0]!.flags, 0);
    assert.ok(peer.frames.some(({ type, flags }) => type === T.settings && flags === 1));
    peer.close();
  });

  test("§3.4 a preface in parts is one", async () => {
    const peer = new FramePeer(await connectRaw(gateway.port()));
    const bytes = `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${settingsFrame()}${headers(1, request())}`;
    await peer.raw.sendPieces([...bytes]);
    assert.equal((await peer.answer(1)).status, 200);
    peer.close();
  });

  test("§3.4 a preface that is none ends the connection", async () => {
    const peer = new FramePeer(await connectRaw(gateway.port()));
    peer.send("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n");
    assert.equal(await peer.end(), "PROTOCOL_ERROR");
  });

  for (const [what, first] of [
    ["a request", headers(1, request())],
    ["an acknowledgement", frame(T.settings, 1, 0)],
    ["a PING", frame(T.ping, 0, 0, "8 octets")],
  ] as const)
    test(`§3.4 ${what} before SETTINGS ends the connection`, async () => {
      const peer = new FramePeer(await connectRaw(gateway.port()));
      peer.send(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${first}`);
      assert.equal(await peer.end(), "PROTOCOL_ERROR");
    });

  for (const [sizes, updates] of [
    [[0, 4_096], "\x20\x3f\xe1\x1f"],
    [[4_096, 0, 100], "\x20\x3f\x45"],
    [[100, 50, 1_000_000], "\x3f\x13\x3f\xe1\x1f"],
  ] as const)
    test(`RFC 7541 §4.2 table sizes of ${sizes.join(" and ")} in one SETTINGS: the smallest is told, then the last`, async () => {
      const peer = await FramePeer.open(gateway.port());
      peer.send(headers(1, request()) + headers(3, request()));
      await peer.answer(1);
      await peer.answer(3);
      peer.send(settingsFrame(sizes.flatMap((size) => [1, size])) + headers(5, request()));
      assert.equal((await peer.answer(5)).status, 200);
      const { payload } = await peer.frame(({ type, stream }) => type === T.headers && stream === 5);
      assert.equal(payload.slice(0, updates.length), updates);
      peer.close();
    });

  test("§6.7 the answer to a PING holds its payload", async () => {
    const peer = await FramePeer.open(gateway.port());
    assert.equal(await peer.ping("\x00\xff\x01\xfe\x02\xfd\x03\xfc"), true);
    peer.close();
  });
});
