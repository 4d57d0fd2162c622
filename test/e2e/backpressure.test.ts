import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { chunk, request } from "../support/client.ts";
import { Random } from "../support/random.ts";
import { startRawService, startService } from "../support/service.ts";
import { stage } from "../support/stage.ts";
import { settled } from "../support/wait.ts";

const MB = 1_048_576;
const TOTAL = 80 * MB;
const PIECE = 65_536;
/** What two pairs of socket buffers may hold when the kernel grows them to their limit, and a little more. */
const HELD_AT_MOST = 24 * MB;

/** Writes the whole stream of the seed, as fast as the connection takes it, and counts. */
async function pour(outgoing: ServerResponse, seed: number, wrote: (bytes: number) => void): Promise<void> {
  const random = new Random(seed);
  for (let sent = 0; sent < TOTAL; sent += PIECE) {
    const more = outgoing.write(random.bytes(PIECE));
    wrote(PIECE);
    if (!more) await once(outgoing, "drain");
  }
  outgoing.end();
}

/** Reads the whole stream of the seed and checks every byte. */
async function check(pieces: AsyncIterable<Buffer>, seed: number): Promise<number> {
  const random = new Random(seed);
  let total = 0;
  for await (const piece of pieces) {
    assert.ok(piece.equals(random.bytes(piece.length)), `other bytes behind ${total}`);
    total += piece.length;
  }
  return total;
}

for (const framing of ["length", "chunked"]) {
  test(`a client that does not read stops the service, ${framing}`, async (t) => {
    let written = 0;
    const service = await startService(async (_incoming, outgoing) => {
      if (framing === "length") outgoing.setHeader("content-length", TOTAL);
      await pour(outgoing, 21, (bytes) => {
        written += bytes;
      });
    });
    const client = await (await stage(t, service)).connect();
    await client.send(request("GET /"));
    const head = await client.head();
    const held = await settled(() => written);
    assert.ok(held < HELD_AT_MOST, `the service could write ${held} bytes`);
    assert.equal(await check(client.body(head), 21), TOTAL);
  });

  test(`a service that does not read stops the client, ${framing}`, async (t) => {
    const { promise: awake, resolve: wake } = Promise.withResolvers<void>();
    let received = 0;
    const service = await startRawService(async (connection) => {
      const head = await connection.head();
      assert.ok(head);
      await awake;
      received = await check(connection.wire.body(head.framing), 22);
      await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
    });
    const client = await (await stage(t, service)).connect();
    const fields: Record<string, string> =
      framing === "length" ? { "Content-Length": String(TOTAL) } : { "Transfer-Encoding": "chunked" };
    let written = 0;
    const sending = (async () => {
      await client.send(request("POST /", fields));
      const random = new Random(22);
      for (; written < TOTAL; written += PIECE) {
        const piece = random.bytes(PIECE);
        await client.send(framing === "length" ? piece : chunk(piece));
      }
      if (framing === "chunked") await client.send("0\r\n\r\n");
    })();
    const held = await settled(() => written);
    assert.ok(held < HELD_AT_MOST, `the client could write ${held} bytes`);
    wake();
    assert.equal((await client.response()).text, "done");
    await sending;
    assert.equal(received, TOTAL);
  });
}

test("a client that does not read does not slow down the others on the same service", async (t) => {
  const service = await startService(async (incoming, outgoing) => {
    if (incoming.url === "/small") outgoing.end("small");
    else await pour(outgoing, 23, () => {}).catch(() => {});
  });
  const { connect } = await stage(t, service);
  const stuck = await Promise.all(Array.from({ length: 10 }, () => connect()));
  for (const client of stuck) {
    await client.send(request("GET /endless"));
    await client.head();
  }
  const quick = await connect();
  for (let nth = 0; nth < 50; nth++) assert.equal((await quick.ask(request("GET /small"))).text, "small");
  for (const client of stuck) client.reset();
});
