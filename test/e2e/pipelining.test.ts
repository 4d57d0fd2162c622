import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { chunked, request } from "../support/client.ts";
import { Random } from "../support/random.ts";
import { bodyOf, type Service, startService } from "../support/service.ts";
import { stage, stageOf } from "../support/stage.ts";
import { until } from "../support/wait.ts";

/** Answers in the way and after the time that the target asks for, with the body that came. */
async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const body = await bodyOf(incoming);
  const { pathname, searchParams } = new URL(incoming.url ?? "", "http://service");
  await sleep(Number(searchParams.get("after") ?? 0));
  const text = `${incoming.method} ${pathname} ${body.toString("latin1")}`;
  outgoing.statusCode = Number(searchParams.get("status") ?? 200);
  if (outgoing.statusCode !== 200) outgoing.end();
  else if (searchParams.has("chunked")) {
    outgoing.write(text.slice(0, 3), "latin1");
    outgoing.end(text.slice(3), "latin1");
  } else {
    outgoing.setHeader("content-length", Buffer.byteLength(text, "latin1"));
    outgoing.end(text, "latin1");
  }
}

const random = new Random(7);
const long = random.bytes(30_000);
const asChunks = { "Transfer-Encoding": "chunked" };

/** Each request with what its answer says; the kinds of framing are mixed both ways. */
const MIXED: { method: string; bytes: Buffer; status: number; text: string }[] = Array.from(
  { length: 20 },
  (_, nth) => {
    const after = nth % 3 === 0 ? 40 : 0;
    const kinds = [
      () => ({ method: "GET", query: "", body: "", bytes: (line: string) => request(line) }),
      () => ({ method: "HEAD", query: "", body: "", bytes: (line: string) => request(line) }),
      () => ({
        method: "POST",
        query: "",
        body: "short",
        bytes: (line: string) => request(line, {}, "short"),
      }),
      () => ({
        method: "PUT",
        query: "&chunked",
        body: long.toString("latin1"),
        bytes: (line: string) => Buffer.concat([request(line, asChunks), chunked(long, random)]),
      }),
      () => ({ method: "GET", query: "&chunked", body: "", bytes: (line: string) => request(line) }),
      () => ({ method: "GET", query: "&status=204", body: "", bytes: (line: string) => request(line) }),
      () => ({ method: "GET", query: "&status=304", body: "", bytes: (line: string) => request(line) }),
      () => ({ method: "POST", query: "&chunked", body: "", bytes: (line: string) => request(line, {}, "") }),
    ];
    const { method, query, body, bytes } = kinds[nth % kinds.length]!();
    const status = Number(/status=(\d+)/.exec(query)?.[1] ?? 200);
    const text = method === "HEAD" || status !== 200 ? "" : `${method} /${nth} ${body}`;
    return { method, bytes: bytes(`${method} /${nth}?after=${after}${query}`), status, text };
  },
);

const WRITES: [string, (bytes: Buffer) => Buffer[]][] = [
  ["in one write", (bytes) => [bytes]],
  ["in writes of random size", (bytes) => new Random(11).cut(bytes, 3_000)],
  ["in writes of a few bytes around each head", (bytes) => new Random(12).cut(bytes, 90)],
];
for (const [title, split] of WRITES) {
  test(`20 requests ${title} are answered in order`, async (t) => {
    const service = await startService(answer);
    const client = await (await stage(t, service)).connect();
    const sent = (async () => {
      for (const piece of split(Buffer.concat(MIXED.map(({ bytes }) => bytes)))) await client.send(piece);
    })();
    for (const { method, status, text } of MIXED) {
      const response = await client.response(method);
      assert.equal(response.status, status);
      assert.ok(response.text === text, `got ${response.text.slice(0, 60)}, expected ${text.slice(0, 60)}`);
    }
    await sent;
    assert.equal(service.seen.length, 20);
  });
}

test("200 pipelined requests with answers of 20 KB reach a client that reads late", async (t) => {
  const service = await startService((incoming, outgoing) => {
    outgoing.end((incoming.url ?? "").padEnd(20_000, "."));
  });
  const client = await (await stage(t, service)).connect();
  const targets = Array.from({ length: 200 }, (_, nth) => `/${nth}`);
  await client.send(targets.map((target) => request(`GET ${target}`)).join(""));
  await until("the service to be asked", () => service.seen.length > 5);
  await sleep(100);
  for (const target of targets) {
    const response = await client.response();
    assert.equal(response.text, target.padEnd(20_000, "."));
  }
});

test("nothing is served behind a request that cannot be read", async (t) => {
  const service = await startService(answer);
  const client = await (await stage(t, service)).connect();
  const bad = "GET /bad HTTP/1.1\r\nHost: a.example\r\nno field\r\n\r\n";
  await client.send(`${request("GET /before")}${bad}${request("GET /after")}`);
  assert.equal((await client.response()).text, "GET /before ");
  const refusal = await client.response();
  assert.equal(refusal.status, 400);
  assert.equal(refusal.closes, true);
  assert.equal(await client.closed(), "");
  assert.deepEqual(service.targets, ["/before"]);
});

test("the answer that came first is whole when the next request cannot be read", async (t) => {
  const service = await startService(answer);
  const client = await (await stage(t, service)).connect();
  await client.send(`${request("GET /slow?after=200&chunked")}garbage\r\n\r\n`);
  assert.equal((await client.response()).text, "GET /slow ");
  assert.equal((await client.response()).status, 400);
  assert.equal(await client.closed(), "");
});

test("nothing is served behind a request that asks to close", async (t) => {
  const service = await startService(answer);
  const client = await (await stage(t, service)).connect();
  await client.send(`${request("GET /last", { Connection: "close" })}${request("GET /after")}`);
  const response = await client.response();
  assert.equal(response.text, "GET /last ");
  assert.equal(response.closes, true);
  assert.equal(await client.closed(), "");
  assert.deepEqual(service.targets, ["/last"]);
});

/** A gateway that knows one path only. */
function narrow(t: Parameters<typeof stageOf>[0], service: Service): ReturnType<typeof stageOf> {
  return stageOf(t, [service], {
    routes: [{ name: "known", match: { path: "/known/*" }, service: "main" }],
    services: { main: { endpoints: [service.url] } },
  });
}

test("a miss in the routes does not end the connection for what is pipelined behind it", async (t) => {
  const service = await startService(answer);
  const client = await (await narrow(t, service)).connect();
  await client.send([request("GET /known/1"), request("GET /unknown"), request("GET /known/2")].join(""));
  assert.equal((await client.response()).text, "GET /known/1 ");
  assert.equal((await client.response()).status, 404);
  assert.equal((await client.response()).text, "GET /known/2 ");
});

test("the body of a refused request is never taken for the next request", async (t) => {
  const service = await startService(answer);
  const client = await (await narrow(t, service)).connect();
  const hidden = request("GET /known/smuggled");
  await client.send(Buffer.concat([request("POST /unknown", {}, hidden), request("GET /known/next")]));
  const refusal = await client.response();
  assert.equal(refusal.status, 404);
  if (refusal.closes) assert.equal(await client.closed(), "");
  else assert.equal((await client.response()).text, "GET /known/next ");
  assert.ok(!service.targets.includes("/known/smuggled"));
});
