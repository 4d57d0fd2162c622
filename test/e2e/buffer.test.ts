/** The option `buffer` of a route: bodies that are held whole before they go on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { request } from "../support/client.ts";
import { startBytesService, startRawService } from "../support/service.ts";
import { stage } from "../support/stage.ts";
import { until } from "../support/wait.ts";

const route = (buffer?: object): object => ({
  routes: [{ name: "all", service: "main", ...(buffer && { buffer }) }],
});

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

test("without it the service sees a request before its body is whole", async (t) => {
  const service = await startBytesService(() => OK);
  const { connect } = await stage(t, service, route());
  const client = await connect();
  await client.send("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 6\r\n\r\nabc");
  await until("the service to see it", () => service.seen.length === 1);
  await client.send("def");
  assert.equal((await client.response()).status, 200);
});

test("a request is held until it is whole, and arrives with its length", async (t) => {
  const bodies: string[] = [];
  const service = await startBytesService(({ body, field }) => {
    bodies.push(`${field("content-length")} ${field("transfer-encoding")} ${body}`);
    return OK;
  });
  const { connect } = await stage(t, service, route({ request: true }));
  const slow = await connect();
  const quick = await connect();
  await slow.send("POST /slow HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  assert.equal((await quick.ask(request("GET /quick"))).status, 200);
  assert.deepEqual(service.targets, ["/quick"]);
  await slow.send("3\r\ndef\r\n0\r\n\r\n");
  assert.equal((await slow.response()).status, 200);
  assert.deepEqual(service.targets, ["/quick", "/slow"]);
  assert.equal(bodies[1], "6 undefined abcdef");
});

test("a request past the size is 413 and never reaches the service", async (t) => {
  const service = await startBytesService(() => OK);
  const { ask } = await stage(t, service, route({ request: 5 }));
  const bodies = [
    "Content-Length: 6\r\n\r\nabcdef",
    "Transfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n0\r\n\r\n",
  ];
  for (const body of bodies) {
    const response = await ask(`POST / HTTP/1.1\r\nHost: a.example\r\n${body}`);
    assert.deepEqual([response.status, response.json()["reason"]], [413, "body_too_large"]);
  }
  assert.equal(
    (await ask("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nabcde")).text,
    "ok",
  );
  assert.equal(service.seen.length, 1);
});

test("a request that waits to be asked for its body is asked", async (t) => {
  const service = await startBytesService(({ body }) => {
    assert.equal(String(body), "abc");
    return OK;
  });
  const { connect } = await stage(t, service, route({ request: true }));
  const client = await connect();
  await client.send(
    "POST / HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
  );
  assert.equal((await client.head()).status, 100);
  await client.send("abc");
  assert.equal((await client.response()).status, 200);
});

test("an answer is held until it is whole, and one that breaks is a 502 with its reason", async (t) => {
  const service = await startRawService(async (connection) => {
    const head = await connection.request();
    if (!head) return;
    await connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    if (head.target === "/whole") await connection.send("3\r\ndef\r\n0\r\n\r\n");
    else connection.socket.destroy();
  });
  const { ask } = await stage(t, service, route({ response: "1KB" }));
  const whole = await ask(request("GET /whole"));
  assert.deepEqual([whole.status, whole.text, whole.field("content-length")], [200, "abcdef", "6"]);
  const cut = await ask(request("GET /cut"));
  assert.deepEqual([cut.status, cut.json()["reason"]], [502, "body_cut"]);
});

test("an answer past the size is 502", async (t) => {
  const service = await startBytesService(
    ({ target }) =>
      `HTTP/1.1 200 OK\r\nContent-Length: ${target.slice(1)}\r\n\r\n${"x".repeat(Number(target.slice(1)))}`,
  );
  const { ask } = await stage(t, service, route({ response: 1_000 }));
  assert.equal((await ask(request("GET /1000"))).body.length, 1_000);
  const response = await ask(request("GET /1001"));
  assert.deepEqual([response.status, response.json()["reason"]], [502, "response_body_too_large"]);
});
