import assert from "node:assert/strict";
import { test } from "node:test";
import { describePolicy, memoryGateway, runPolicy } from "../testing/index.ts";
import { csrf } from "./csrf.ts";

describePolicy(csrf, {
  refused: [
    { options: { origins: ["a.example"] }, message: /not an origin/ },
    { options: { safeMethods: ["get it"] }, message: /not the name of a method/ },
    { options: { token: { cookie: "a b" } }, message: /not a name for a cookie/ },
    { options: { unknown: "perhaps" }, message: /unknown/ },
  ],
  steps: [
    {
      title: "lets a page of its own site through",
      options: {},
      request: { method: "POST", fields: { "sec-fetch-site": "same-origin", origin: "https://a.example" } },
      check: ({ reply, sent }) => assert.deepEqual([reply.status, sent.length], [200, 1]),
    },
    {
      title: "refuses a page of another site",
      options: {},
      request: { method: "POST", fields: { "sec-fetch-site": "cross-site", origin: "https://b.example" } },
      check({ reply, sent, exchange }) {
        assert.deepEqual([reply.status, sent.length], [403, 0]);
        assert.equal(exchange.outcome?.reason, "csrf_origin");
      },
    },
  ],
  wire: {
    title: "refuses a page of another site",
    options: {},
    request: { method: "DELETE", fields: { origin: "https://b.example" } },
    check: ({ reply, sent }) => assert.deepEqual([reply.status, sent.length], [403, 0]),
  },
});

test("csrf tells its own site from others by what browsers say", async () => {
  const origins = ["https://friend.example", "https://*.friends.example"];
  const cases: [method: string, fields: Record<string, string>, allowed: boolean][] = [
    ["GET", { "sec-fetch-site": "cross-site", origin: "https://b.example" }, true],
    ["HEAD", { origin: "https://b.example" }, true],
    ["PURGE", { origin: "https://b.example" }, false],
    ["POST", { "sec-fetch-site": "none" }, true],
    ["POST", { "sec-fetch-site": "same-site", origin: "https://b.a.example" }, false],
    ["POST", { "sec-fetch-site": "cross-site", origin: "https://friend.example" }, true],
    ["POST", { "sec-fetch-site": "cross-site", origin: "https://x.friends.example" }, true],
    ["POST", { "sec-fetch-site": "cross-site" }, false],
    ["POST", { "sec-fetch-site": "cross-site", origin: "null" }, false],
    ["POST", { "sec-fetch-site": "" }, false],
    ["POST", { origin: "http://a.example" }, true],
    ["POST", { origin: "https://a.example" }, true],
    ["POST", { origin: "http://a.example:8080" }, false],
    ["POST", { origin: "http://a.example.evil.example" }, false],
    ["POST", { origin: "null" }, false],
    ["POST", { origin: "" }, false],
    ["POST", { origin: "https://friend.example" }, true],
    ["POST", { referer: "http://a.example/form" }, true],
    ["POST", { referer: "https://friend.example/form?x" }, true],
    ["POST", { referer: "https://b.example/a.example" }, false],
    ["POST", { referer: "about:blank" }, false],
    ["POST", { referer: "nonsense" }, false],
    ["POST", {}, true],
    ["POST", { cookie: "session=1" }, false],
  ];
  for (const [method, fields, allowed] of cases) {
    const { reply } = await runPolicy(csrf, { origins }, { method, fields });
    assert.equal(reply.status, allowed ? 200 : 403, `${method} ${JSON.stringify(fields)}`);
  }
});

test("csrf treats requests that tell nothing as it is told", async () => {
  const status = async (unknown: "allow" | "refuse", fields: Record<string, string>): Promise<number> =>
    (await runPolicy(csrf, { unknown }, { method: "POST", fields })).reply.status;
  assert.equal(await status("allow", { cookie: "a=1" }), 200);
  assert.equal(await status("refuse", {}), 403);
});

test("csrf looks at who opens a WebSocket, which is asked for by GET and is not read-only", async () => {
  const cases: [fields: Record<string, string>, allowed: boolean][] = [
    [{ origin: "https://b.example", cookie: "session=1" }, false],
    [{ origin: "https://b.example", "sec-fetch-site": "cross-site" }, false],
    [{ origin: "http://a.example", cookie: "session=1" }, true],
    [{ origin: "https://a.example", "sec-fetch-site": "same-origin", "sec-fetch-mode": "websocket" }, true],
    [{ cookie: "session=1" }, true],
  ];
  const handshake = {
    connection: "upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
  };
  for (const [fields, allowed] of cases) {
    const { exchange } = await runPolicy(csrf, { token: {} }, { fields: { ...handshake, ...fields } });
    assert.equal(exchange.outcome?.reason === "csrf_origin", !allowed, JSON.stringify(fields));
    assert.notEqual(exchange.outcome?.reason, "csrf_token");
  }
});

test("csrf knows its own host with and without the usual port", async () => {
  const cases: [host: string, origin: string, status: number][] = [
    ["a.example:443", "https://a.example", 200],
    ["a.example", "https://a.example:443", 200],
    ["a.example:8443", "https://a.example:8443", 200],
    ["a.example:8443", "https://a.example", 403],
    ["A.example", "https://a.example", 200],
  ];
  for (const [host, origin, status] of cases) {
    const { reply } = await runPolicy(csrf, {}, { method: "POST", host, fields: { origin } });
    assert.equal(reply.status, status, `${host} ${origin}`);
  }
});

test("csrf gives a token to who has none and asks for it again", async () => {
  const gateway = memoryGateway({ policies: [csrf], config: { policies: [{ csrf: { token: {} } }] } });
  const first = await gateway.send({});
  const [line = ""] = first.reply.fields.all("set-cookie");
  const [, token = ""] = /^csrf-token=([A-Za-z0-9_-]{32}); Path=\/; SameSite=Lax$/.exec(line) ?? [];
  assert.notEqual(token, "", line);
  const post = async (fields: Record<string, string>): Promise<[number, string | undefined]> => {
    const { reply, exchange } = await gateway.send({
      method: "POST",
      fields: { "sec-fetch-site": "same-origin", ...fields },
    });
    return [reply.status, exchange.outcome?.reason];
  };
  const own = `csrf-token=${token}`;
  assert.deepEqual(await post({ cookie: own, "x-csrf-token": token }), [200, undefined]);
  assert.deepEqual(await post({ cookie: own }), [403, "csrf_token"]);
  assert.deepEqual(await post({ "x-csrf-token": token }), [403, "csrf_token"]);
  assert.deepEqual(await post({ cookie: own, "x-csrf-token": `${token.slice(1)}A` }), [403, "csrf_token"]);
  assert.deepEqual(await post({ cookie: "csrf-token=", "x-csrf-token": "" }), [403, "csrf_token"]);
  assert.deepEqual(await post({ cookie: "csrf-token=a", "x-csrf-token": "a" }), [403, "csrf_token"]);
  const again = await gateway.send({ fields: { cookie: own } });
  assert.equal(again.reply.fields.has("set-cookie"), false);
  gateway.close();
});

test("over https the token's cookie belongs to this host alone", async () => {
  const { reply } = await runPolicy(
    csrf,
    { token: { cookie: "t" } },
    { fields: { "x-forwarded-proto": "https" } },
    { peer: { trusted: true } },
  );
  assert.match(reply.fields.get("set-cookie") ?? "", /^__Host-t=[^;]+; Path=\/; SameSite=Lax; Secure$/);
});
