import assert from "node:assert/strict";
import { test } from "node:test";
import { request } from "../support/client.ts";
import { type Service, startBytesService, startRawService } from "../support/service.ts";
import { stage } from "../support/stage.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone";
const HINTS = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nLink: </b.js>; rel=preload\r\n\r\n";

/** Sends these bytes before each final answer. */
function startWith(informational: string): Promise<Service> {
  return startBytesService(() => informational + OK);
}

test("103 passes with its fields", async (t) => {
  const client = await (await stage(t, await startWith(HINTS))).connect();
  for (let round = 0; round < 3; round++) {
    const response = await client.ask(request("GET /"));
    assert.deepEqual(
      response.informational.map(({ status }) => status),
      [103],
    );
    assert.equal(response.informational[0]?.field("link"), "</a.css>; rel=preload, </b.js>; rel=preload");
    assert.equal(response.field("link"), undefined);
    assert.equal(response.text, "done");
  }
});

test("several informational responses pass in order", async (t) => {
  const second = "HTTP/1.1 103 Early Hints\r\nLink: </c.css>\r\n\r\n";
  const service = await startWith(`HTTP/1.1 102 Processing\r\n\r\n${HINTS}${second}`);
  const response = await (await stage(t, service)).ask(request("GET /"));
  assert.deepEqual(
    response.informational.map(({ status }) => status),
    [102, 103, 103],
  );
  assert.equal(response.informational[2]?.field("link"), "</c.css>");
  assert.equal(response.status, 200);
});

test("103 is seen before the service sends its final answer", async (t) => {
  const { promise: seen, resolve } = Promise.withResolvers<void>();
  const service = await startRawService(async (connection) => {
    await connection.request();
    await connection.send(HINTS);
    await seen;
    await connection.send(OK);
  });
  const client = await (await stage(t, service)).connect();
  await client.send(request("GET /"));
  assert.equal((await client.head()).status, 103);
  resolve();
  assert.equal((await client.response()).text, "done");
});

test("103 passes while the request's body is still being sent", async (t) => {
  const service = await startRawService(async (connection) => {
    const head = await connection.head();
    assert.ok(head);
    await connection.send(HINTS);
    assert.equal((await connection.body(head)).toString(), "body");
    await connection.send(OK);
  });
  const client = await (await stage(t, service)).connect();
  await client.send(request("POST /", { "Content-Length": "4" }));
  assert.equal((await client.head()).status, 103);
  await client.send("body");
  assert.equal((await client.response()).text, "done");
});

test("a service's connection is used again behind informational responses", async (t) => {
  const service = await startWith(HINTS);
  const { ask } = await stage(t, service);
  for (let round = 0; round < 3; round++) assert.equal((await ask(request("GET /"))).text, "done");
  assert.equal(service.connections, 1);
});

test("informational responses before the answer to HEAD pass", async (t) => {
  const service = await startBytesService(() => `${HINTS}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n`);
  const client = await (await stage(t, service)).connect();
  for (let round = 0; round < 2; round++) {
    const response = await client.ask(request("HEAD /"), "HEAD");
    assert.equal(response.informational.length, 1);
    assert.equal(response.field("content-length"), "4");
  }
});

test("an HTTP/1.0 client never gets one", async (t) => {
  const service = await startWith(`HTTP/1.1 100 Continue\r\n\r\n${HINTS}${HINTS}`);
  const client = await (await stage(t, service)).connect();
  const response = await client.ask(request("GET / HTTP/1.0"));
  assert.deepEqual(response.informational, []);
  assert.equal(response.text, "done");
});

test("a 101 that nobody asked for is a bad gateway, not a tunnel", async (t) => {
  const service = await startRawService(async (connection) => {
    await connection.request();
    await connection.send(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: upgrade\r\n\r\nleak",
    );
    await connection.wire.rest();
  });
  const { ask } = await stage(t, service);
  assert.equal((await ask(request("GET /"))).status, 502);
});
