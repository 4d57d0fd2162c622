import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { request } from "../support/client.ts";
import { type Service, startRawService } from "../support/service.ts";
import { type Stage, stageOf } from "../support/stage.ts";
import { until } from "../support/wait.ts";

const LARGE = 5_000_000;

/** Answers "/early" before it has read the body, and others after it. */
function startEager(closes: boolean): Promise<Service> {
  return startRawService(async (connection) => {
    for (let head = await connection.head(); head; head = await connection.head()) {
      if (head.target === "/known/early") {
        const option = closes ? "Connection: close\r\n" : "";
        await connection.send(`HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n${option}\r\nbig`);
        if (closes) return void (await connection.wire.rest());
      }
      const body = await connection.body(head).catch(() => undefined);
      if (!body) return;
      if (head.target !== "/known/early")
        await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  });
}

/** A gateway whose only route leads "/known" to the service. */
function narrow(t: TestContext, service: Service): Promise<Stage> {
  return stageOf(t, [service], {
    routes: [{ name: "known", match: { path: "/known/*" }, service: "main" }],
    services: { main: { endpoints: [service.url] } },
  });
}

for (const closes of [true, false]) {
  const what = closes ? "that closes" : "that keeps its connection";
  test(`an answer before the body is heard while the body is still missing, from a service ${what}`, async (t) => {
    const client = await (await narrow(t, await startEager(closes))).connect();
    await client.send(request("POST /known/early", { "Content-Length": "10000000" }));
    await client.send(Buffer.alloc(1_000));
    const response = await client.response();
    assert.equal(response.status, 413);
    assert.equal(response.text, "big");
  });
}

const EARLY = [
  ["/known/early", 413],
  ["/unknown", 404],
] as const;
for (const [target, status] of EARLY) {
  test(`${target}: the answer reaches a client that sends all of a large body before it reads`, async (t) => {
    const { connect } = await narrow(t, await startEager(true));
    for (let round = 0; round < 5; round++) {
      const client = await connect();
      const { promise: sent, resolve } = Promise.withResolvers<void>();
      client.socket.write(request(`POST ${target}`, {}, Buffer.alloc(LARGE)), () => resolve());
      await sent;
      const response = await client.response();
      assert.equal(response.status, status);
      assert.ok(response.text.length > 0);
    }
  });

  test(`${target}: behind the answer the connection is closed as announced, or goes on`, async (t) => {
    const service = await startEager(false);
    const { connect } = await narrow(t, service);
    for (const length of [5, 1_000, 100_000]) {
      const client = await connect();
      await client.send(request(`POST ${target}`, { "Content-Length": String(length) }));
      const response = await client.response();
      assert.equal(response.status, status);
      client.socket.write(`${"x".repeat(length)}${request("GET /known/next")}`, () => {});
      if (response.closes) await client.wire.rest();
      else assert.equal((await client.response()).text, "ok");
    }
  });
}

test("a client that keeps sending a body nobody wants is not read for ever", async (t) => {
  const client = await (await narrow(t, await startEager(true))).connect();
  await client.send(request("POST /unknown", { "Content-Length": "100000000000" }));
  assert.equal((await client.response()).status, 404);
  const piece = Buffer.alloc(1_000_000);
  let closed = false;
  client.socket.on("close", () => {
    closed = true;
  });
  const pour = (): void => {
    if (!closed) client.socket.write(piece, () => setImmediate(pour));
  };
  pour();
  await client.wire.rest();
  client.socket.destroy();
  await until("the connection to be closed", () => closed);
});
