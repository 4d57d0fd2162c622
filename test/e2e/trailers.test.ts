import assert from "node:assert/strict";
import { test } from "node:test";
import { chunked, request } from "../support/client.ts";
import { Random } from "../support/random.ts";
import { bodyOf, pairs, type Seen, seenOf, startBytesService, startService } from "../support/service.ts";
import { stage } from "../support/stage.ts";
import { type Field, fieldValue } from "../support/wire.ts";

const SENT = "X-Sum: abc\r\nX-Twice: 1\r\nX-Twice: 2\r\n";
const EXPECTED = [
  ["x-sum", "abc"],
  ["x-twice", "1"],
  ["x-twice", "2"],
];

function lowered(fields: readonly Field[]): string[][] {
  return fields.map(([name, value]) => [name.toLowerCase(), value]);
}

for (const size of [0, 10, 300_000]) {
  test(`request trailers reach the service behind ${size} bytes, with the Trailer field`, async (t) => {
    const content = new Random(size).bytes(size);
    const trailers: string[][][] = [];
    const service = await startService(async (incoming, outgoing) => {
      assert.ok((await bodyOf(incoming)).equals(content));
      assert.equal(incoming.headers["trailer"], "X-Sum, X-Twice");
      trailers.push(lowered(pairs(incoming.rawTrailers)));
      outgoing.end("ok");
    });
    const client = await (await stage(t, service)).connect();
    const head = request("POST /", { "Transfer-Encoding": "chunked", Trailer: "X-Sum, X-Twice" });
    const bytes = Buffer.concat([head, chunked(content, new Random(1), 20_000, SENT)]);
    for (let round = 0; round < 2; round++) assert.equal((await client.ask(bytes)).text, "ok");
    assert.deepEqual(trailers, [EXPECTED, EXPECTED]);
  });

  test(`response trailers reach the client behind ${size} bytes, with the Trailer field`, async (t) => {
    const content = new Random(size).bytes(size);
    const answer = Buffer.concat([
      Buffer.from("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, X-Twice\r\n\r\n"),
      chunked(content, new Random(2), 20_000, SENT),
    ]);
    const client = await (await stage(t, await startBytesService(() => answer))).connect();
    for (let round = 0; round < 2; round++) {
      const response = await client.ask(request("GET /", { TE: "trailers", Connection: "TE" }));
      assert.ok(response.body.equals(content));
      assert.equal(response.field("trailer"), "X-Sum, X-Twice");
      assert.deepEqual(lowered(response.trailers), EXPECTED);
    }
  });
}

test("trailers that were not announced pass too", async (t) => {
  const service = await startBytesService(
    () => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${SENT}\r\n`,
  );
  const { ask } = await stage(t, service);
  const response = await ask(request("GET /", { TE: "trailers", Connection: "TE" }));
  assert.equal(response.text, "ok");
  assert.deepEqual(lowered(response.trailers), EXPECTED);
});

test("the service is told that trailers are welcome, and nothing else of TE", async (t) => {
  const te: (string | undefined)[] = [];
  const service = await startBytesService((asked) => {
    te.push(asked.field("te"));
    return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  });
  const client = await (await stage(t, service)).connect();
  for (const value of ["trailers", "gzip, trailers;q=0.5", "gzip"])
    await client.ask(request("GET /", { TE: value, Connection: "TE" }));
  await client.ask(request("GET /"));
  assert.equal(te[0], "trailers");
  assert.match(te[1] ?? "trailers", /^trailers$/);
  assert.deepEqual(te.slice(2), [undefined, undefined]);
});

test("an HTTP/1.0 client gets neither chunks nor trailers", async (t) => {
  const service = await startBytesService(
    () => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n${SENT}\r\n`,
  );
  const client = await (await stage(t, service)).connect();
  const response = await client.ask(request("GET / HTTP/1.0"));
  assert.notEqual(response.framing, "chunked");
  assert.equal(response.text, "body");
  assert.equal(await client.closed(), "");
});

test("trailers cannot change the head of the request or of its answer", async (t) => {
  const heads: Seen[] = [];
  const sneaky = "Content-Length: 3\r\nX-Forwarded-For: 6.6.6.6\r\nHost: evil.example\r\n";
  const service = await startService(async (incoming, outgoing) => {
    heads.push(seenOf(incoming));
    await bodyOf(incoming).catch(() => {});
    outgoing.end("ok");
  });
  const client = await (await stage(t, service)).connect();
  const bytes = Buffer.concat([
    request("POST /", { "Transfer-Encoding": "chunked" }),
    chunked(Buffer.from("body"), new Random(1), 10, sneaky),
  ]);
  for (let round = 0; round < 2; round++) {
    const response = await client.ask(bytes);
    assert.ok(response.status === 200 || response.status === 400, String(response.status));
    if (response.closes) break;
  }
  for (const { fields } of heads) {
    assert.equal(fieldValue(fields, "host"), "a.example");
    assert.equal(fieldValue(fields, "x-forwarded-for"), "127.0.0.1");
    assert.equal(fieldValue(fields, "content-length"), undefined);
  }
});
