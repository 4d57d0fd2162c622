import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { chunk, request } from "../support/client.ts";
import { type Service, startBytesService, startService } from "../support/service.ts";
import { stage } from "../support/stage.ts";
import { joined } from "../support/wire.ts";

/** Answers with the target that was asked for. */
function startMirror(): Promise<Service> {
  return startService((incoming, outgoing) => {
    outgoing.end(`you asked for ${incoming.url}`);
  });
}

test("500 requests over one connection are each answered with their own answer", async (t) => {
  const service = await startMirror();
  const client = await (await stage(t, service)).connect();
  for (let nth = 0; nth < 500; nth++) {
    const response = await client.ask(request(`GET /item/${nth}`));
    assert.equal(response.status, 200);
    assert.equal(response.text, `you asked for /item/${nth}`);
    assert.equal(response.closes, false);
  }
  assert.equal(service.connections, 1);
});

test("upstream connections are reused for other clients", async (t) => {
  const service = await startMirror();
  const { ask } = await stage(t, service);
  for (let nth = 0; nth < 20; nth++) assert.equal((await ask(request(`GET /${nth}`))).status, 200);
  assert.equal(service.connections, 1);
});

test("upstream connections of parallel requests are kept for the next ones", async (t) => {
  const service = await startService(async (_incoming, outgoing) => {
    await sleep(20);
    outgoing.end();
  });
  const { ask } = await stage(t, service);
  for (let round = 0; round < 3; round++) {
    const responses = await Promise.all(Array.from({ length: 10 }, () => ask(request("GET /"))));
    assert.deepEqual(new Set(responses.map(({ status }) => status)), new Set([200]));
  }
  assert.ok(service.connections <= 10, `${service.connections} connections`);
});

for (const option of ["close", "Close", "x-own, close"]) {
  test(`"Connection: ${option}" ends the connection after the answer`, async (t) => {
    const service = await startMirror();
    const client = await (await stage(t, service)).connect();
    const response = await client.ask(request("GET /last", { Connection: option }));
    assert.equal(response.text, "you asked for /last");
    assert.equal(response.closes, true);
    assert.equal(await client.closed(), "");
  });
}

test("a service that closes its connection does not close the client's", async (t) => {
  const service = await startService((_incoming, outgoing) => {
    outgoing.setHeader("connection", "close");
    outgoing.end("ok");
  });
  const client = await (await stage(t, service)).connect();
  for (let nth = 0; nth < 3; nth++) {
    const response = await client.ask(request("GET /"));
    assert.equal(response.text, "ok");
    assert.equal(response.closes, false);
  }
  assert.equal(service.connections, 3);
});

test("HTTP/1.0 without keep-alive: answered, then closed", async (t) => {
  const client = await (await stage(t, await startMirror())).connect();
  const response = await client.ask(request("GET /old HTTP/1.0"));
  assert.equal(response.text, "you asked for /old");
  assert.equal(await client.closed(), "");
});

test("HTTP/1.0 without Host is served", async (t) => {
  const client = await (await stage(t, await startMirror())).connect();
  const response = await client.ask("GET /old HTTP/1.0\r\n\r\n");
  assert.equal(response.text, "you asked for /old");
});

test("HTTP/1.0 with keep-alive: the connection stays when the length is known", async (t) => {
  const service = await startBytesService(({ target }) => {
    const text = `you asked for ${target}`;
    return `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
  });
  const client = await (await stage(t, service)).connect();
  for (let nth = 0; nth < 3; nth++) {
    const response = await client.ask(request(`GET /${nth} HTTP/1.0`, { Connection: "Keep-Alive" }));
    assert.equal(response.text, `you asked for /${nth}`);
    assert.equal(response.field("connection")?.toLowerCase(), "keep-alive");
  }
});

for (const fields of [{}, { Connection: "keep-alive" }] as Record<string, string>[]) {
  test(`a chunked answer reaches an HTTP/1.0 client without chunking, ${JSON.stringify(fields)}`, async (t) => {
    const { promise: seen, resolve } = Promise.withResolvers<void>();
    const service = await startService(async (_incoming, outgoing) => {
      outgoing.write("first,");
      await seen;
      outgoing.write("second,");
      outgoing.end("third");
    });
    const client = await (await stage(t, service)).connect();
    await client.send(request("GET / HTTP/1.0", fields));
    const head = await client.head();
    assert.equal(head.framing, "close");
    assert.notEqual(head.field("connection")?.toLowerCase(), "keep-alive");
    const body = client.body(head);
    assert.equal(String((await body.next()).value), "first,");
    resolve();
    assert.equal((await joined(body)).toString(), "second,third");
  });

  test(`a chunked answer that comes at once has no chunks for HTTP/1.0, ${JSON.stringify(fields)}`, async (t) => {
    const answer = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk("one,")}${chunk("two")}0\r\n\r\n`;
    const client = await (await stage(t, await startBytesService(() => answer))).connect();
    const response = await client.ask(request("GET / HTTP/1.0", fields));
    assert.notEqual(response.framing, "chunked");
    assert.equal(response.text, "one,two");
  });
}

test("an idle connection is closed silently", async (t) => {
  const service = await startMirror();
  const { connect } = await stage(t, service, { limits: { idleTimeout: "300ms", headerTimeout: "300ms" } });
  const used = await connect();
  assert.equal((await used.ask(request("GET /"))).status, 200);
  assert.equal(await used.closed(), "");
});

test("a connection on which nothing ever came is closed silently", async (t) => {
  const service = await startMirror();
  const { connect } = await stage(t, service, { limits: { idleTimeout: "300ms", headerTimeout: "300ms" } });
  assert.equal(await (await connect()).closed(), "");
});

test("the idle timeout does not run while a request is served", async (t) => {
  const service = await startService(async (_incoming, outgoing) => {
    await sleep(900);
    outgoing.end("late");
  });
  const { connect } = await stage(t, service, { limits: { idleTimeout: "200ms", headerTimeout: "200ms" } });
  const client = await connect();
  assert.equal((await client.ask(request("GET /"))).text, "late");
});

const UNFINISHED = ["G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a.example\r\nX-Half: a"];
for (const bytes of UNFINISHED) {
  test(`a head that stays unfinished is answered 408 and closed: ${JSON.stringify(bytes)}`, async (t) => {
    const service = await startMirror();
    const { connect } = await stage(t, service, { limits: { headerTimeout: "300ms" } });
    const client = await connect();
    const response = await client.ask(bytes);
    assert.equal(response.status, 408);
    assert.equal(response.closes, true);
    assert.equal(await client.closed(), "");
    assert.equal(service.seen.length, 0);
  });
}

test("an unfinished second head is answered 408 too", async (t) => {
  const { connect } = await stage(t, await startMirror(), { limits: { headerTimeout: "300ms" } });
  const client = await connect();
  assert.equal((await client.ask(request("GET /first"))).status, 200);
  assert.equal((await client.ask("GET /second HTTP/1.1\r\nHost:")).status, 408);
  assert.equal(await client.closed(), "");
});

test("a head that trickles in byte by byte is served", async (t) => {
  const client = await (await stage(t, await startMirror())).connect();
  for (const byte of request("GET /slow").toString("latin1")) {
    await client.send(byte);
    await new Promise(setImmediate);
  }
  assert.equal((await client.response()).text, "you asked for /slow");
});

test("an empty line before a request is skipped", async (t) => {
  const client = await (await stage(t, await startMirror())).connect();
  assert.equal((await client.ask(`\r\n${request("GET /1")}`)).text, "you asked for /1");
  assert.equal((await client.ask(`\r\n${request("GET /2")}`)).text, "you asked for /2");
});

test("the upstream connection is used again behind a chunked answer whose end comes late", async (t) => {
  const service = await startBytesService(
    () => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk("piece")}0\r\n\r\n`,
  );
  const { ask } = await stage(t, service);
  for (let nth = 0; nth < 5; nth++) assert.equal((await ask(request("GET /"))).text, "piece");
  assert.equal(service.connections, 1);
});
