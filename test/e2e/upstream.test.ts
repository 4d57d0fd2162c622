import assert from "node:assert/strict";
import { test } from "node:test";
import { chunk, chunked, problemOf, request } from "../support/client.ts";
import { Random } from "../support/random.ts";
import { bodyOf, deadPort, type Service, startRawService, startService } from "../support/service.ts";
import { stage, stageOf } from "../support/stage.ts";
import { until, within } from "../support/wait.ts";
import { CutError, joined } from "../support/wire.ts";

/** Answers with the body that came, and its name. */
function startNamed(name: string, port?: number): Promise<Service> {
  return startService(async (incoming, outgoing) => {
    const body = await bodyOf(incoming);
    outgoing.setHeader("x-name", name);
    outgoing.end(body);
  }, port);
}

test("requests go round the endpoints in turn", async (t) => {
  const services = await Promise.all(["a", "b", "c"].map((name) => startNamed(name)));
  const client = await (await stage(t, services)).connect();
  const names: (string | undefined)[] = [];
  for (let nth = 0; nth < 9; nth++) names.push((await client.ask(request("GET /"))).field("x-name"));
  assert.equal(new Set(names.slice(0, 3)).size, 3);
  assert.deepEqual(names.slice(3, 6), names.slice(0, 3));
  assert.deepEqual(names.slice(6, 9), names.slice(0, 3));
});

test("an endpoint that refuses connections is passed over, for every kind of request", async (t) => {
  const live = await startNamed("live");
  const dead = await deadPort();
  const { connect } = await stageOf(t, [live], {
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [`http://127.0.0.1:${dead}`, live.url] } },
  });
  const random = new Random(1);
  const large = random.bytes(1_000_000);
  const asChunks = request("POST /", { "Transfer-Encoding": "chunked" });
  const client = await connect();
  for (let round = 0; round < 5; round++) {
    assert.equal((await client.ask(request("GET /"))).status, 200);
    assert.equal((await client.ask(request("POST /", {}, "small"))).text, "small");
    const bytes = round % 2 === 0 ? request("PUT /", {}, large) : [asChunks, chunked(large, random)];
    const [response] = await Promise.all([client.response(), client.send(Buffer.concat([bytes].flat()))]);
    assert.equal(response.status, 200);
    assert.ok(response.body.equals(large));
  }
});

test("when all endpoints refuse, the client gets a 502 that says so, and goes on", async (t) => {
  const urls = [`http://127.0.0.1:${await deadPort()}`, `http://127.0.0.1:${await deadPort()}`];
  const { connect } = await stageOf(t, [], {
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: urls } },
  });
  const client = await connect();
  for (let round = 0; round < 3; round++) {
    const response = await client.ask(request("GET /"));
    problemOf(response, 502);
    assert.equal(response.closes, false);
  }
  problemOf(await client.ask(request("POST /", {}, "with a body")), 502);
});

test("a service that does not answer in time is a 504, is not asked again, and sees the end", async (t) => {
  const { promise: left, resolve } = Promise.withResolvers<void>();
  const service = await startService((_incoming, outgoing) => {
    outgoing.on("close", resolve);
  });
  const { ask } = await stage(t, service, {}, { timeouts: { response: "300ms" } });
  problemOf(await ask(request("POST /", {}, "once")), 504);
  await within("the service to see the end", left);
  assert.equal(service.seen.length, 1);
});

test("the response timeout does not cut an answer that takes long after its head", async (t) => {
  const service = await startService(async (_incoming, outgoing) => {
    for (let nth = 0; nth < 5; nth++) {
      outgoing.write("piece ");
      await new Promise((done) => setTimeout(done, 150));
    }
    outgoing.end();
  });
  const { ask } = await stage(t, service, {}, { timeouts: { response: "300ms" } });
  assert.equal((await ask(request("GET /"))).text, "piece ".repeat(5));
});

test("the response timeout does not run while the client still sends its body", async (t) => {
  const service = await startNamed("x");
  const { connect } = await stage(t, service, {}, { timeouts: { response: "300ms" } });
  const client = await connect();
  await client.send(request("POST /", { "Content-Length": "5" }));
  for (const byte of "12345") {
    await new Promise((done) => setTimeout(done, 150));
    await client.send(byte);
  }
  assert.equal((await client.response()).text, "12345");
});

test("a service that never reads the body is given up", async (t) => {
  const service = await startRawService(async (connection) => {
    await connection.head();
    await new Promise((done) => connection.socket.on("close", done));
  });
  const timeouts = { response: "500ms", idle: "500ms" };
  const client = await (await stage(t, service, {}, { timeouts })).connect();
  client.socket.write(request("POST /", {}, Buffer.alloc(80_000_000)), () => {});
  const { bytes } = await client.wire.rest();
  assert.match(bytes.toString("latin1"), /^HTTP\/1\.1 504 [\s\S]*"reason":"response_timeout"/);
  client.socket.destroy();
});

/** Whether the client could tell that the message was not whole. */
function isCut(error: unknown): boolean {
  return error instanceof CutError || (error as NodeJS.ErrnoException).code === "ECONNRESET";
}

/** Ways to announce a body of which only a part comes. */
const CUT: [string, string, boolean][] = [
  ["by length", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", false],
  ["in chunks", `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk("only this")}`, false],
  ["in the middle of a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\nonly this", false],
  ["by length, with a reset", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", true],
  ["until the end, with a reset", "HTTP/1.1 200 OK\r\n\r\nonly this", true],
];
for (const [title, bytes, reset] of CUT) {
  test(`an answer that the service cuts is seen as cut: ${title}`, async (t) => {
    const { promise: arrived, resolve } = Promise.withResolvers<void>();
    const service = await startRawService(async (connection) => {
      await connection.request();
      await connection.send(bytes);
      await arrived;
      if (reset) connection.socket.resetAndDestroy();
    });
    const client = await (await stage(t, service)).connect();
    await client.send(request("GET /"));
    const head = await client.head();
    const body = client.body(head);
    let seen = "";
    while (seen.length < 9) seen += String((await body.next()).value);
    assert.equal(seen, "only this");
    resolve();
    await assert.rejects(joined(body), isCut);
    assert.equal(service.seen.length, 1);
  });
}

const GARBAGE = [
  "garbage\r\n\r\n",
  "HTTP/1.1 200 OK\r\nno field\r\n\r\n",
  "HTTP/2 200\r\n\r\n",
  "HTTP/1.1 20 OK\r\n\r\n",
];
for (const bytes of GARBAGE) {
  test(`an answer that is none is a 502: ${JSON.stringify(bytes)}`, async (t) => {
    const service = await startRawService(async (connection) => {
      await connection.request();
      await connection.send(bytes);
    });
    const client = await (await stage(t, service)).connect();
    problemOf(await client.ask(request("GET /")), 502);
    problemOf(await client.ask(request("GET /")), 502);
  });
}

test("a service that was restarted is used again without an error", async (t) => {
  const first = await startNamed("first");
  const { port } = first;
  const { ask } = await stage(t, first);
  const many = (): Promise<number[]> =>
    Promise.all(Array.from({ length: 20 }, async () => (await ask(request("POST /", {}, "body"))).status));
  const good = Array.from({ length: 20 }, () => 200);
  assert.deepEqual(await many(), good);
  await first.stop();
  const second = await startNamed("second", port);
  t.after(() => second.stop());
  for (let round = 0; round < 3; round++) assert.deepEqual(await many(), good);
  assert.equal(second.seen.length, 60);
});

test("a service that is down for a while is used as soon as it is back", async (t) => {
  const first = await startNamed("first");
  const { port } = first;
  const { connect } = await stage(t, first);
  const client = await connect();
  assert.equal((await client.ask(request("GET /"))).status, 200);
  await first.stop();
  problemOf(await client.ask(request("GET /")), 502);
  const second = await startNamed("second", port);
  t.after(() => second.stop());
  let response = await client.ask(request("GET /"));
  for (let tries = 0; response.status !== 200 && tries < 100; tries++) {
    await new Promise((done) => setTimeout(done, 50));
    response = await client.ask(request("GET /"));
  }
  assert.equal(response.field("x-name"), "second");
});

test("idle upstream connections are closed after their time", async (t) => {
  const service = await startNamed("x");
  const { ask } = await stage(t, service, {}, { connections: { keepAlive: "300ms" } });
  assert.equal((await ask(request("GET /"))).status, 200);
  await until("the idle connection to be closed", () => service.open.size === 0);
  assert.equal((await ask(request("GET /"))).status, 200);
  assert.equal(service.connections, 2);
});

test("an answer whose service falls silent is cut after the idle time, and the service sees the end", async (t) => {
  const service = await startService((_incoming, outgoing) => {
    outgoing.setHeader("content-length", 100);
    outgoing.write("only this");
  });
  const client = await (await stage(t, service, {}, { timeouts: { idle: "300ms" } })).connect();
  await client.send(request("GET /"));
  const head = await client.head();
  await assert.rejects(joined(client.body(head)), isCut);
  await until("the service's connection to be closed", () => service.open.size === 0);
});

test("the idle time does not run while the client does not read", async (t) => {
  const content = new Random(2).bytes(40_000_000);
  const service = await startService((_incoming, outgoing) => {
    outgoing.setHeader("content-length", content.length);
    outgoing.end(content);
  });
  const client = await (await stage(t, service, {}, { timeouts: { idle: "300ms" } })).connect();
  await client.send(request("GET /"));
  const head = await client.head();
  await new Promise((done) => setTimeout(done, 1_500));
  assert.ok((await joined(client.body(head))).equals(content));
});
