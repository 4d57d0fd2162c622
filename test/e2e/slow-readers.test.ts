import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, chunked, request } from "../support/client.ts";
import { Random } from "../support/random.ts";
import { type Handler, startRawService, startService } from "../support/service.ts";
import { stage } from "../support/stage.ts";

const MB = 1_048_576;
const CONNECTIONS = 200;
const GROWTH_AT_MOST = 300 * MB;

/** Sends the stream of the seed in the target, by length or in chunks, in pieces of uneven size. */
const pour: Handler = async (incoming, outgoing) => {
  const [, seed, length, framing] = (incoming.url ?? "").split("/");
  const content = new Random(Number(seed));
  const sizes = new Random(Number(seed) + 1);
  if (framing === "length") outgoing.setHeader("content-length", length!);
  for (let left = Number(length); left > 0; ) {
    const piece = content.bytes(Math.min(left, 1 + sizes.below(90_000)));
    left -= piece.length;
    if (!outgoing.write(piece)) await once(outgoing, "drain");
  }
  outgoing.end();
};

/** Reads one answer in small pieces, with pauses when `slow`, and checks every byte. */
async function read(client: Client, seed: number, slow: boolean): Promise<number> {
  const expected = new Random(seed);
  const pace = new Random(seed + 2);
  const head = await client.head();
  assert.equal(head.status, 200);
  if (slow) await sleep(pace.below(800));
  let total = 0;
  for await (const piece of client.body(head, slow ? 8_000 + pace.below(56_000) : undefined)) {
    assert.ok(piece.equals(expected.bytes(piece.length)), `connection ${seed}: other bytes behind ${total}`);
    total += piece.length;
    if (slow && pace.below(5) === 0) await sleep(pace.below(20));
  }
  return total;
}

test(`${CONNECTIONS} slow and fast readers each get their own bytes, in bounded memory`, async (t) => {
  const service = await startService(pour);
  const { connect } = await stage(t, service);
  const before = process.memoryUsage().rss;
  let peak = before;
  const sampler = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 20);
  t.after(() => clearInterval(sampler));
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async (_, nth) => {
      const client = await connect();
      const seed = 1_000 * nth;
      const framings = nth % 2 === 0 ? ["length", "chunked"] : ["chunked", "length"];
      for (const [round, framing] of framings.entries()) {
        const length = (round === 0 ? MB : MB / 8) + new Random(seed + round).below(10_000);
        await client.send(request(`GET /${seed + 10 * round}/${length}/${framing}`));
        assert.equal(await read(client, seed + 10 * round, nth % 4 !== 0), length);
      }
    }),
  );
  const growth = peak - before;
  assert.ok(growth < GROWTH_AT_MOST, `memory grew by ${growth >> 20} MB`);
});

test("100 slow services each get their own client's bytes", async (t) => {
  const service = await startRawService(async (connection) => {
    for (let head = await connection.head(); head; head = await connection.head()) {
      const seed = Number(head.field("x-seed"));
      const pace = new Random(seed + 3);
      const expected = new Random(seed);
      await sleep(pace.below(500));
      for await (const piece of connection.wire.body(head.framing, 8_000 + pace.below(56_000))) {
        assert.ok(piece.equals(expected.bytes(piece.length)), `other bytes for seed ${seed}`);
        if (pace.below(6) === 0) await sleep(pace.below(20));
      }
      await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${String(seed).length}\r\n\r\n${seed}`);
    }
  });
  const { connect } = await stage(t, service);
  await Promise.all(
    Array.from({ length: 100 }, async (_, nth) => {
      const client = await connect();
      const seed = 77_000 + 10 * nth;
      const random = new Random(seed);
      const content = random.bytes(MB - 5_000 + random.below(10_000));
      const fields = { "X-Seed": String(seed) };
      const bytes =
        nth % 2 === 0
          ? request("POST /", fields, content)
          : Buffer.concat([
              request("POST /", { ...fields, "Transfer-Encoding": "chunked" }),
              chunked(content, random, 90_000),
            ]);
      for (const piece of random.cut(bytes, 150_000)) await client.send(piece);
      assert.equal((await client.response()).text, String(seed));
    }),
  );
});
