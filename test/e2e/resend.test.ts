import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Client, chunked, problemOf, request } from "../support/client.ts";
import { Random } from "../support/random.ts";
import { type Service, type ServiceConnection, startRawService } from "../support/service.ts";
import { stage } from "../support/stage.ts";
import { CutError } from "../support/wire.ts";

/** Answers with the number of bytes that came. */
async function answer(connection: ServiceConnection, bytes: number): Promise<void> {
  const text = `got ${bytes}`;
  await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
}

/** The first connection answers one request; what it does with its second is up to `then`. Others answer all. */
function startFlaky(then: (connection: ServiceConnection) => void | Promise<void>): Promise<Service> {
  return startRawService(async (connection) => {
    for (let nth = 1; ; nth++) {
      const head = await connection.head();
      if (!head) return;
      if (connection.nth === 1 && nth === 2) return then(connection);
      await answer(connection, (await connection.body(head)).length);
    }
  });
}

/** A client whose gateway holds one idle connection to the service. */
async function warmed(t: TestContext, service: Service): Promise<Client> {
  const client = await (await stage(t, service)).connect();
  assert.equal((await client.ask(request("GET /first"))).status, 200);
  assert.equal(service.connections, 1);
  return client;
}

const body = new Random(1).bytes(10_000);
const asChunks = request("POST /again", { "Transfer-Encoding": "chunked" });
const REQUESTS: [string, Buffer[], number][] = [
  ["GET", [request("GET /again")], 0],
  ["POST with a small body", [request("POST /again", {}, "12345")], 5],
  ["POST with a body of 10 KB", [request("POST /again", {}, body)], 10_000],
  ["POST with a chunked body", [asChunks, chunked(body, new Random(2), 999)], 10_000],
  ["POST whose body comes later", [request("POST /again", { "Content-Length": "10000" }), body], 10_000],
];
const CLOSINGS: [string, (connection: ServiceConnection) => void][] = [
  ["FIN", ({ socket }) => void socket.end()],
  ["close", ({ socket }) => void socket.destroy()],
  ["reset", ({ socket }) => void socket.resetAndDestroy()],
];

for (const [title, pieces, length] of REQUESTS) {
  for (const [kind, close] of CLOSINGS) {
    test(`${title} is sent again when its reused connection ends without an answer, by ${kind}`, async (t) => {
      const service = await startFlaky(close);
      const client = await warmed(t, service);
      for (const piece of pieces) {
        await client.send(piece);
        await new Promise((done) => setTimeout(done, 10));
      }
      const response = await client.response();
      assert.equal(response.status, 200);
      assert.equal(response.text, `got ${length}`);
      assert.deepEqual(service.targets, ["/first", "/again", "/again"]);
      assert.equal((await client.ask(request("GET /next"))).status, 200);
    });
  }
}

test("a service that closes its idle connection just as it is reused costs nothing, 200 times", async (t) => {
  const service = await startRawService(async (connection) => {
    for (let asked = await connection.request(); asked; asked = await connection.request())
      await answer(connection, asked.body.length);
  });
  const client = await warmed(t, service);
  const closeAll = (reset: boolean): void => {
    for (const socket of service.open) {
      if (reset) socket.resetAndDestroy();
      else socket.destroy();
    }
  };
  for (let round = 0; round < 200; round++) {
    const reset = round % 4 > 1;
    if (round % 2 === 0) closeAll(reset);
    const sent = client.send(request("POST /race", {}, "x".repeat(round)));
    if (round % 2 === 1) closeAll(reset);
    const response = await client.response();
    await sent;
    assert.equal(response.status, 200, `round ${round}`);
    assert.equal(response.text, `got ${round}`);
  }
  assert.equal(service.seen.length, 201);
});

test("many idle connections that all end at once cost nothing", async (t) => {
  const service = await startRawService(async (connection) => {
    for (let asked = await connection.request(); asked; asked = await connection.request()) {
      await new Promise((done) => setTimeout(done, 20));
      await answer(connection, asked.body.length);
    }
  });
  const { connect } = await stage(t, service);
  const clients = await Promise.all(Array.from({ length: 30 }, () => connect()));
  for (let round = 0; round < 3; round++) {
    const responses = await Promise.all(clients.map((client) => client.ask(request("POST /", {}, "abc"))));
    assert.deepEqual(new Set(responses.map(({ text }) => text)), new Set(["got 3"]));
    for (const socket of service.open) socket.destroy();
  }
});

for (const bytes of ["H", "HTTP/1.1 200 OK\r\nContent-Le"]) {
  test(`a request is not sent again when a part of its answer came: ${JSON.stringify(bytes)}`, async (t) => {
    const service = await startFlaky(async (connection) => {
      await connection.send(bytes);
      connection.end();
    });
    const client = await warmed(t, service);
    problemOf(await client.ask(request("GET /again")), 502);
    assert.deepEqual(service.targets, ["/first", "/again"]);
  });
}

test("a request is not sent again when the body of its answer is cut", async (t) => {
  const service = await startFlaky(async (connection) => {
    await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345");
    connection.end();
  });
  const client = await warmed(t, service);
  await client.send(request("GET /again"));
  await assert.rejects(client.response(), CutError);
  assert.deepEqual(service.targets, ["/first", "/again"]);
});

test("a POST is not sent again when a fresh connection ends without an answer", async (t) => {
  const service = await startRawService(async (connection) => {
    await connection.request();
  });
  const { ask } = await stage(t, service);
  problemOf(await ask(request("POST /", {}, "once")), 502);
  assert.deepEqual(service.targets, ["/"]);
});

test("a service that never answers but always closes is given up", async (t) => {
  const service = await startRawService(async (connection) => {
    await connection.request();
  });
  const { ask } = await stage(t, service);
  problemOf(await ask(request("GET /")), 502);
  assert.ok(service.seen.length <= 5, `asked ${service.seen.length} times`);
});
