import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { type Client, chunk, chunked, type Response, request } from "../support/client.ts";
import { Random } from "../support/random.ts";
import { type Handler, startBytesService, startRawService, startService } from "../support/service.ts";
import { stage } from "../support/stage.ts";
import { joined } from "../support/wire.ts";

const KB = 1_024;
const MB = 1_024 * KB;
const SIZES = [0, 1, 150, 16 * KB, ...around(64 * KB), ...around(256 * KB), MB, 10 * MB];
const FRAMINGS = ["length", "chunked"] as const;
type Framing = (typeof FRAMINGS)[number];

function around(size: number): number[] {
  return [size - 1, size, size + 1];
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Sends back what comes, with the length that X-Length announces or else in chunks. */
const echo: Handler = async (incoming, outgoing) => {
  const length = incoming.headers["x-length"];
  if (length !== undefined) outgoing.setHeader("content-length", length);
  outgoing.setHeader("x-request-framing", incoming.headers["transfer-encoding"] ?? "length");
  outgoing.flushHeaders();
  await pipeline(incoming, outgoing);
};

interface Upload {
  readonly content: Buffer;
  readonly up: Framing;
  readonly down: Framing;
}

/** The pieces to write: the head, and the body cut at random places. */
function piecesOf({ content, up, down }: Upload, random: Random): Buffer[] {
  const most = Math.max(7, content.length >> 3);
  const length = String(content.length);
  const framing: Record<string, string> =
    up === "length" ? { "Content-Length": length } : { "Transfer-Encoding": "chunked" };
  if (down === "length") framing["X-Length"] = length;
  const body = up === "length" ? content : chunked(content, random, most);
  return [request("POST /echo", framing), ...random.cut(body, most)];
}

async function exchange(client: Client, upload: Upload, random: Random): Promise<Response> {
  const sending = (async () => {
    for (const piece of piecesOf(upload, random)) await client.send(piece);
  })();
  const [response] = await Promise.all([client.response(), sending]);
  return response;
}

/** A known length stays one; chunks may become the length when all of them were there (RFC 9112, section 6.1). */
function expectFraming<T>(seen: T, sent: T, length: T): void {
  if (sent === "chunked") assert.ok(seen === "chunked" || seen === length, String(seen));
  else assert.equal(seen, sent);
}

for (const up of FRAMINGS) {
  for (const down of FRAMINGS) {
    test(`bodies of all sizes pass unchanged, ${up} up and ${down} down`, async (t) => {
      const client = await (await stage(t, await startService(echo))).connect();
      for (const size of SIZES) {
        const random = new Random(size);
        const content = random.bytes(size);
        const response = await exchange(client, { content, up, down }, random);
        assert.equal(response.status, 200);
        expectFraming(response.field("x-request-framing"), up, "length");
        expectFraming(response.framing, down === "length" ? size : "chunked", size);
        assert.equal(sha256(response.body), sha256(content), `${size} bytes`);
      }
    });
  }
}

test("a body that comes with its head in one write passes", async (t) => {
  const client = await (await stage(t, await startService(echo))).connect();
  for (const size of [1, 150, 60 * KB, 64 * KB, 300 * KB]) {
    const random = new Random(size);
    const content = random.bytes(size);
    const whole = Buffer.concat([
      request("POST /", { "Transfer-Encoding": "chunked" }),
      chunked(content, random, 999),
    ]);
    const bytes = size % 2 === 0 ? whole : request("POST /", {}, content);
    const [response] = await Promise.all([client.response(), client.send(bytes)]);
    assert.equal(sha256(response.body), sha256(content), `${size} bytes`);
  }
});

for (const up of FRAMINGS) {
  test(`the answer streams while the request is still being sent, ${up} up`, async (t) => {
    const client = await (await stage(t, await startService(echo))).connect();
    const random = new Random(3);
    const pieces = Array.from({ length: 50 }, () => random.bytes(1 + random.below(5_000)));
    const total = pieces.reduce((sum, piece) => sum + piece.length, 0);
    await client.send(
      request(
        "POST /",
        up === "length" ? { "Content-Length": `${total}` } : { "Transfer-Encoding": "chunked" },
      ),
    );
    const head = await client.head();
    const body = client.body(head);
    for (const piece of pieces) {
      await client.send(up === "length" ? piece : chunk(piece));
      let back = Buffer.alloc(0);
      while (back.length < piece.length) back = Buffer.concat([back, (await body.next()).value as Buffer]);
      assert.ok(back.equals(piece));
    }
    if (up === "chunked") await client.send("0\r\n\r\n");
    assert.equal((await body.next()).done, true);
  });
}

test("20,000 tiny chunks pass both ways", async (t) => {
  const random = new Random(5);
  const content = random.bytes(40_000);
  const tiny = chunked(content, random, 3);
  const service = await startBytesService(({ body }) => {
    assert.ok(body.equals(content));
    return Buffer.concat([Buffer.from("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), tiny]);
  });
  const { ask } = await stage(t, service);
  const response = await ask(Buffer.concat([request("POST /", { "Transfer-Encoding": "chunked" }), tiny]));
  assert.equal(response.status, 200);
  assert.ok(response.body.equals(content));
});

test("a chunked body may be cut anywhere, also inside sizes and line ends", async (t) => {
  const content = new Random(6).bytes(300);
  const random = new Random(8);
  const service = await startRawService(async (connection) => {
    for (let head = await connection.request(); head; head = await connection.request()) {
      assert.ok(head.body.equals(content));
      await connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      for (const piece of random.cut(chunked(content, random, 40), 4)) await connection.send(piece);
    }
  });
  const client = await (await stage(t, service)).connect();
  for (let round = 0; round < 3; round++) {
    await client.send(request("POST /", { "Transfer-Encoding": "chunked" }));
    for (const piece of random.cut(chunked(content, random, 40), 4)) await client.send(piece);
    assert.ok((await client.response()).body.equals(content));
  }
});

test("chunk extensions and leading zeros are understood both ways", async (t) => {
  const service = await startBytesService(({ body }) => {
    assert.equal(body.toString(), "hello world");
    return 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0005;a=b\r\nhello\r\n6 ;q="x"\r\n world\r\n000;last\r\n\r\n';
  });
  const { ask } = await stage(t, service);
  const body = '0005;a=b\r\nhello\r\n006;q="x"\r\n world\r\n000;last\r\n\r\n';
  const response = await ask(`${request("POST /", { "Transfer-Encoding": "chunked" })}${body}`);
  assert.equal(response.text, "hello world");
});

for (const size of [0, 1, 100, 300 * KB]) {
  test(`an answer of ${size} bytes that ends with its connection is passed whole`, async (t) => {
    const content = new Random(size).bytes(size);
    const service = await startRawService(async (connection) => {
      await connection.request();
      await connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n");
      for (const piece of new Random(1).cut(content, 10_000)) await connection.send(piece);
    });
    const { ask } = await stage(t, service);
    const response = await ask(request("GET /"));
    assert.equal(response.status, 200);
    assert.equal(sha256(response.body), sha256(content));
  });
}

test("GET and DELETE may carry a body", async (t) => {
  const service = await startService(echo);
  const client = await (await stage(t, service)).connect();
  for (const method of ["GET", "DELETE", "OPTIONS", "PATCH"])
    assert.equal(
      (await client.ask(request(`${method} /`, {}, `body of ${method}`))).text,
      `body of ${method}`,
    );
  assert.deepEqual(
    service.seen.map(({ method }) => method),
    ["GET", "DELETE", "OPTIONS", "PATCH"],
  );
});

test("a request without a body stays without one", async (t) => {
  const service = await startBytesService(({ framing, fields }) => {
    assert.equal(framing, 0);
    const text = fields.filter(([name]) => /^(content-length|transfer-encoding)$/i.test(name)).join();
    return `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
  });
  const client = await (await stage(t, service)).connect();
  assert.equal((await client.ask(request("GET /"))).text, "");
  assert.equal((await client.ask(request("POST /", {}, ""))).text.toLowerCase(), "content-length,0");
});

test("the pieces of a long answer come before its end is sent", async (t) => {
  const { promise: firstSeen, resolve } = Promise.withResolvers<void>();
  const service = await startService(async (_incoming, outgoing) => {
    outgoing.setHeader("content-length", 10);
    outgoing.write("12345");
    await firstSeen;
    outgoing.end("67890");
  });
  const client = await (await stage(t, service)).connect();
  await client.send(request("GET /"));
  const body = client.body(await client.head());
  assert.equal(String((await body.next()).value), "12345");
  resolve();
  assert.equal((await joined(body)).toString(), "67890");
});
