import assert from "node:assert/strict";
import { test } from "node:test";
import { request } from "../support/client.ts";
import { startBytesService, startRawService } from "../support/service.ts";
import { stage } from "../support/stage.ts";
import { fieldValues } from "../support/wire.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Answers without a body for each target; everything else is answered "ok". */
const BODILESS: Record<string, string> = {
  "/204": "HTTP/1.1 204 No Content\r\nX-Own: kept\r\n\r\n",
  "/205": "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\nX-Own: kept\r\n\r\n",
  "/304": 'HTTP/1.1 304 Not Modified\r\nETag: W/"x-1"\r\nCache-Control: max-age=5\r\nX-Own: kept\r\n\r\n',
  "/304-length": 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 5000\r\nX-Own: kept\r\n\r\n',
  "/empty": "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Own: kept\r\n\r\n",
  "/empty-chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Own: kept\r\n\r\n0\r\n\r\n",
  "/302": "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\nX-Own: kept\r\n\r\n",
};

for (const target of Object.keys(BODILESS)) {
  test(`${target} has no body, and both connections go on`, async (t) => {
    const service = await startBytesService((asked) => BODILESS[asked.target] ?? OK);
    const client = await (await stage(t, service)).connect();
    for (let round = 0; round < 3; round++) {
      const response = await client.ask(request(`GET ${target}`));
      assert.equal(response.status, Number(/ (\d+) /.exec(BODILESS[target]!)?.[1]));
      assert.equal(response.text, "");
      assert.equal(response.field("x-own"), "kept");
      assert.equal(response.closes, false);
      assert.equal((await client.ask(request("GET /next"))).text, "ok");
    }
    assert.equal(service.connections, 1);
  });
}

test("304 keeps its validators", async (t) => {
  const service = await startBytesService((asked) => BODILESS[asked.target] ?? OK);
  const { ask } = await stage(t, service);
  const response = await ask(request("GET /304", { "If-None-Match": 'W/"x-1"' }));
  assert.equal(response.field("etag"), 'W/"x-1"');
  assert.equal(response.field("cache-control"), "max-age=5");
  assert.ok(
    service.seen[0]?.fields.some(([name, value]) => /^if-none-match$/i.test(name) && value === 'W/"x-1"'),
  );
});

test("HEAD keeps the content-length and has no body", async (t) => {
  const service = await startBytesService(({ method }) =>
    method === "HEAD" ? "HTTP/1.1 200 OK\r\nContent-Length: 123456\r\n\r\n" : OK,
  );
  const client = await (await stage(t, service)).connect();
  for (let round = 0; round < 3; round++) {
    const response = await client.ask(request("HEAD /"), "HEAD");
    assert.equal(response.field("content-length"), "123456");
    assert.equal(response.closes, false);
    assert.equal((await client.ask(request("GET /"))).text, "ok");
  }
  assert.equal(service.connections, 1);
});

for (const fields of ["Transfer-Encoding: chunked\r\n", ""]) {
  test(`HEAD without a content-length has no body: ${JSON.stringify(fields)}`, async (t) => {
    const service = await startBytesService(({ method }) =>
      method === "HEAD" ? `HTTP/1.1 200 OK\r\n${fields}X-Own: kept\r\n\r\n` : OK,
    );
    const client = await (await stage(t, service)).connect();
    for (let round = 0; round < 3; round++) {
      const response = await client.ask(request("HEAD /"), "HEAD");
      assert.equal(response.field("x-own"), "kept");
      assert.equal((await client.ask(request("GET /"))).text, "ok");
    }
  });
}

test("a 204 that says it is chunked ends at its head", async (t) => {
  const service = await startRawService(async (connection) => {
    while (await connection.request())
      await connection.send("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n");
  });
  const { ask } = await stage(t, service);
  const response = await ask(request("GET /"));
  assert.ok(response.status === 204 || response.status === 502, String(response.status));
  assert.equal(response.status === 204 ? response.text : "", "");
});

test("an answer without a length passes whole and the next request is served", async (t) => {
  const service = await startRawService(async (connection) => {
    const { target } = (await connection.request())!;
    await connection.send(`HTTP/1.1 200 OK\r\n\r\nall of ${target}`);
  });
  const { connect } = await stage(t, service);
  let client = await connect();
  for (let round = 0; round < 3; round++) {
    const response = await client.ask(request(`GET /${round}`));
    assert.equal(response.text, `all of /${round}`);
    if (response.closes) client = await connect();
  }
});

test("bytes behind an answer never become another client's answer", async (t) => {
  const evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
  const service = await startBytesService(({ target }) => (target === "/extra" ? OK + evil : OK));
  const { ask } = await stage(t, service);
  for (let round = 0; round < 10; round++) {
    assert.equal((await ask(request("GET /extra"))).text, "ok");
    assert.equal((await ask(request("GET /next"))).text, "ok");
  }
});

test("an answer that nobody asked for is not given to the next client", async (t) => {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const service = await startRawService(async (connection) => {
    await connection.request();
    await connection.send(OK);
    if (connection.nth === 1) {
      await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
      resolve();
    }
    if (await connection.request()) await connection.send(OK);
  });
  const { ask } = await stage(t, service);
  assert.equal((await ask(request("GET /"))).text, "ok");
  await late;
  await new Promise((done) => setTimeout(done, 50));
  assert.equal((await ask(request("GET /"))).text, "ok");
});

test("a reason phrase may be missing, and an unknown status passes", async (t) => {
  const service = await startBytesService(
    ({ target }) => `HTTP/1.1 ${target.slice(1)} \r\nContent-Length: 1\r\n\r\nx`,
  );
  const client = await (await stage(t, service)).connect();
  for (const status of [200, 299, 418, 451, 599]) {
    const response = await client.ask(request(`GET /${status}`));
    assert.equal(response.status, status);
    assert.equal(response.text, "x");
  }
});

test("an HTTP/1.0 service is understood", async (t) => {
  const service = await startRawService(async (connection) => {
    await connection.request();
    await connection.send("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold");
  });
  const client = await (await stage(t, service)).connect();
  for (let round = 0; round < 3; round++) {
    const { text, fields } = await client.ask(request("GET /"));
    assert.equal(text, "old");
    assert.deepEqual(fieldValues(fields, "via"), ["1.0 torana"]);
  }
});

test("spaces around a content-length and names in any case are understood", async (t) => {
  const service = await startBytesService(() => "HTTP/1.1 200 OK\r\ncOnTeNt-LeNgTh:  \t 3 \t\r\n\r\nyes");
  const client = await (await stage(t, service)).connect();
  for (let round = 0; round < 2; round++) assert.equal((await client.ask(request("GET /"))).text, "yes");
  const asked = "POST / HTTP/1.1\r\nhOsT: a.example\r\ncONTENT-lENGTH: \t5\t \r\n\r\nabcde";
  assert.equal((await client.ask(asked)).text, "yes");
});
