import assert from "node:assert/strict";
import { test } from "node:test";
import { chunk, request } from "../support/client.ts";
import { startRawService, startService } from "../support/service.ts";
import { stage } from "../support/stage.ts";
import { joined } from "../support/wire.ts";

const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";
const EXPECT = { Expect: "100-continue" };

for (const framing of ["length", "chunked"]) {
  test(`the client gets the service's 100 before it sends its body, ${framing}`, async (t) => {
    const service = await startRawService(async (connection) => {
      for (let head = await connection.head(); head; head = await connection.head()) {
        assert.equal(head.field("expect")?.toLowerCase(), "100-continue");
        await connection.send(CONTINUE);
        const body = await connection.body(head);
        await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      }
    });
    const client = await (await stage(t, service)).connect();
    for (let round = 0; round < 3; round++) {
      await client.send(
        request("POST /", {
          ...EXPECT,
          ...(framing === "length" ? { "Content-Length": "5" } : { "Transfer-Encoding": "chunked" }),
        }),
      );
      assert.equal((await client.head()).status, 100);
      await client.send(
        framing === "length" ? "hello" : Buffer.concat([chunk("hello"), Buffer.from("0\r\n\r\n")]),
      );
      const response = await client.response();
      assert.equal(response.status, 200);
      assert.equal(response.text, "hello");
      assert.deepEqual(response.informational, []);
    }
    assert.equal(service.connections, 1);
  });
}

test("a service on node:http, which answers 100 by itself, works too", async (t) => {
  const service = await startService(async (incoming, outgoing) => {
    outgoing.end(`got ${await joined(incoming)}`);
  });
  const client = await (await stage(t, service)).connect();
  await client.send(request("PUT /", { ...EXPECT, "Content-Length": "3" }));
  assert.equal((await client.head()).status, 100);
  await client.send("abc");
  assert.equal((await client.response()).text, "got abc");
});

for (const [status, reason] of [
  [401, "Unauthorized"],
  [417, "Expectation Failed"],
] as const) {
  test(`a service that refuses with ${status} is heard at once, without a 100 and without the body`, async (t) => {
    const service = await startRawService(async (connection) => {
      const head = await connection.head();
      assert.ok(head);
      await connection.send(
        `HTTP/1.1 ${status} ${reason}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno`,
      );
    });
    const client = await (await stage(t, service)).connect();
    await client.send(request("POST /", { ...EXPECT, "Content-Length": "1000000" }));
    const response = await client.response();
    assert.equal(response.status, status);
    assert.equal(response.text, "no");
    assert.deepEqual(response.informational, []);
  });
}

test("behind a refusal the connection is closed, or the body is still taken for a body", async (t) => {
  const hidden = request("GET /hidden").toString();
  const service = await startRawService(async (connection) => {
    for (let head = await connection.head(); head; head = await connection.head()) {
      const refused = head.target === "/refused";
      await connection.send(
        refused
          ? "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno"
          : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
      );
      await connection.body(head).catch(() => {});
    }
  });
  const client = await (await stage(t, service)).connect();
  const response = await client.ask(
    request("POST /refused", { ...EXPECT, "Content-Length": `${hidden.length}` }),
  );
  assert.equal(response.status, 401);
  if (response.closes) assert.equal(await client.closed(), "");
  else assert.equal((await client.ask(`${hidden}${request("GET /next")}`)).text, "ok");
  assert.ok(!service.targets.includes("/hidden"));
});

test("a client that does not wait for the 100 is served", async (t) => {
  const service = await startRawService(async (connection) => {
    const head = await connection.head();
    assert.ok(head);
    await connection.send(CONTINUE);
    const body = await connection.body(head);
    await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
  const { ask } = await stage(t, service);
  const response = await ask(request("POST /", EXPECT, "impatient"));
  assert.equal(response.status, 200);
  assert.equal(response.text, "impatient");
});

test("a service that never sends a 100 gets the body as soon as the client sends it", async (t) => {
  const service = await startRawService(async (connection) => {
    const { body } = (await connection.request())!;
    await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
  const client = await (await stage(t, service)).connect();
  await client.send(request("POST /", { ...EXPECT, "Content-Length": "4" }));
  await new Promise(setImmediate);
  await client.send("late");
  const response = await client.response();
  assert.equal(response.status, 200);
  assert.equal(response.text, "late");
});

test("an HTTP/1.0 client never gets a 100, even when it asks", async (t) => {
  const service = await startRawService(async (connection) => {
    await connection.request();
    await connection.send(`${CONTINUE}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`);
  });
  const client = await (await stage(t, service)).connect();
  const response = await client.ask(request("POST / HTTP/1.0", EXPECT, "body"));
  assert.equal(response.status, 200);
  assert.equal(response.text, "ok");
  assert.deepEqual(response.informational, []);
});
