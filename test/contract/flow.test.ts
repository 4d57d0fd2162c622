import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { BodyTransform, PolicyDefinition } from "torana";
import { request } from "../support/client.ts";
import { Random } from "../support/random.ts";
import { startRawService, startService } from "../support/service.ts";
import { settled } from "../support/wait.ts";
import { stand } from "./stand.ts";
import { policyOf } from "./ways.ts";

const MB = 1_048_576;
const TOTAL = 64 * MB;
const PIECE = 65_536;
/** What two pairs of socket buffers may hold when the kernel grows them to their limit, and a little more. */
const HELD_AT_MOST = 24 * MB;

const flipped = (bytes: Uint8Array): Buffer => Buffer.from(bytes.map((byte) => byte ^ 0xff));

/** Changes every byte, and knows how many pieces are under way. */
class Flip implements BodyTransform {
  seen = 0;
  most = 0;
  #under = 0;
  readonly #waits: boolean;

  constructor(waits: boolean) {
    this.#waits = waits;
  }

  chunk(bytes: Uint8Array): Uint8Array | Promise<Uint8Array> {
    this.seen += bytes.length;
    this.most = Math.max(this.most, ++this.#under);
    const changed = flipped(bytes);
    if (!this.#waits) return this.#done(changed);
    return new Promise((resolve) => setImmediate(() => resolve(this.#done(changed))));
  }

  #done(changed: Buffer): Buffer {
    this.#under--;
    return changed;
  }
}

/** Reads the whole stream of the seed, every byte flipped. */
async function check(pieces: AsyncIterable<Buffer>, seed: number): Promise<number> {
  const random = new Random(seed);
  let total = 0;
  for await (const piece of pieces) {
    assert.ok(flipped(piece).equals(random.bytes(piece.length)), `other bytes behind ${total}`);
    total += piece.length;
  }
  return total;
}

for (const waits of [false, true]) {
  const kind = waits ? "that waits" : "that does not wait";

  test(`a client that does not read stops the service through a transform ${kind}`, async (t) => {
    const flip = new Flip(waits);
    let written = 0;
    const service = await startService(async (_incoming, outgoing) => {
      const random = new Random(31);
      outgoing.setHeader("content-length", TOTAL);
      for (; written < TOTAL; written += PIECE)
        if (!outgoing.write(random.bytes(PIECE))) await once(outgoing, "drain");
      outgoing.end();
    });
    const policy: PolicyDefinition = policyOf({ responseBody: () => flip });
    const client = await (await stand(t, service, [policy])).connect();
    await client.send(request("GET /"));
    const head = await client.head();
    assert.equal(head.framing, "chunked");
    const held = await settled(() => written);
    assert.ok(held < HELD_AT_MOST, `the service could write ${held} bytes`);
    assert.ok(flip.seen <= held);
    assert.equal(await check(client.body(head), 31), TOTAL);
    assert.deepEqual([flip.seen, flip.most], [TOTAL, 1]);
  });

  test(`a service that does not read stops the client through a transform ${kind}`, async (t) => {
    const flip = new Flip(waits);
    const { promise: awake, resolve: wake } = Promise.withResolvers<void>();
    let received = 0;
    const service = await startRawService(async (connection) => {
      const head = await connection.head();
      assert.equal(head?.framing, "chunked");
      await awake;
      received = await check(connection.wire.body("chunked"), 32);
      await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
    });
    const policy: PolicyDefinition = policyOf({ requestBody: () => flip });
    const client = await (await stand(t, service, [policy])).connect();
    let written = 0;
    const sending = (async () => {
      await client.send(request("POST /", { "Content-Length": String(TOTAL) }));
      const random = new Random(32);
      for (; written < TOTAL; written += PIECE) await client.send(random.bytes(PIECE));
    })();
    const held = await settled(() => written);
    assert.ok(held < HELD_AT_MOST, `the client could write ${held} bytes`);
    wake();
    assert.equal((await client.response()).text, "done");
    await sending;
    assert.deepEqual([received, flip.seen, flip.most], [TOTAL, TOTAL, 1]);
  });
}

test("a transform may make more of a piece than a slow client takes", async (t) => {
  const service = await startService((_incoming, outgoing) => void outgoing.end("x".repeat(64)));
  const policy = policyOf({
    responseBody: (): BodyTransform => ({
      chunk: (bytes) => Buffer.alloc(bytes.length * MB, bytes),
      end: () => Buffer.from("end"),
    }),
  });
  const client = await (await stand(t, service, [policy])).connect();
  await client.send(request("GET /"));
  const head = await client.head();
  let size = 0;
  let last = "";
  for await (const piece of client.body(head)) {
    size += piece.length;
    last = (last + piece.subarray(-3).toString()).slice(-3);
  }
  assert.deepEqual([size, last], [64 * MB + 3, "end"]);
});

test("a request that is tried again passes its transform once", async (t) => {
  let made = 0;
  const service = await startRawService(async (connection) => {
    if (connection.nth === 1) {
      const first = await connection.request();
      assert.ok(first);
      await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst");
      await connection.head();
      connection.socket.destroy();
      return;
    }
    const again = await connection.request();
    await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n${again?.body.toString()}`);
  });
  const policy = policyOf({
    requestBody: (): BodyTransform => {
      made++;
      return { chunk: (bytes) => Buffer.from(`${Buffer.from(bytes)}`.toUpperCase()) };
    },
  });
  const stage = await stand(t, service, [policy]);
  const client = await stage.connect();
  assert.equal((await client.ask(request("POST /", {}, "warm"))).text, "first");
  assert.equal((await client.ask(request("POST /", {}, "body"))).text, "BODY");
  assert.equal(made, 2);
  assert.equal(stage.ended.at(-1)?.attempts, 2);
});
