/** The shipped policies by their names in a config, and what only a real gateway shows of them. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { chunk, request } from "../support/client.ts";
import { startGateway } from "../support/gateway.ts";
import { startService } from "../support/service.ts";
import { stageOf } from "../support/stage.ts";
import { until } from "../support/wait.ts";

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "torana-policies-"));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

const linesOf = (path: string): string[] => readFileSync(path, "utf8").split("\n").slice(0, -1);

test("all of them together, each in its phase", async (t) => {
  const service = await startService((_seen, answer) => void answer.end("from the service"));
  const log = join(folder(t), "access.log");
  const { ask, gateway } = await stageOf(t, [service], {
    policies: [
      { "access-log": { to: log, fields: ["id", "path", "status", "route"] } },
      { "request-id": { accept: "anyone" } },
      { cors: { origins: ["https://a.example"] } },
      { headers: { response: { set: { "x-by": "torana" } } } },
    ],
    routes: [
      {
        name: "old",
        match: { path: "/old/*" },
        policies: [{ redirect: { to: "/new${path.rest}", status: 301 } }],
      },
      { name: "fixed", match: { path: "/fixed" }, policies: [{ respond: { json: { ok: true } } }] },
      {
        name: "closed",
        match: { path: "/closed" },
        service: "main",
        policies: [{ "ip-allow": { allow: [] } }],
      },
      {
        name: "small",
        match: { path: "/small" },
        service: "main",
        policies: [{ "request-size": { max: 3 } }],
      },
      { name: "rest", service: "main" },
    ],
    services: { main: { endpoints: [service.url] } },
  });
  const seen: unknown[] = [];
  for (const [target, body] of [["/old/x"], ["/fixed"], ["/closed"], ["/small", "four"], ["/other"]]) {
    const given = { "X-Request-Id": `id${target}`, Origin: "https://a.example" };
    const { status, ...answer } = await ask(request(`POST ${target}`, given, body));
    const fields = new Map(answer.fields.map(([name, value]) => [name.toLowerCase(), value]));
    assert.equal(fields.get("x-request-id"), `id${target}`);
    assert.equal(fields.get("access-control-allow-origin"), "https://a.example");
    assert.equal(fields.get("x-by"), "torana");
    seen.push([target, status, fields.get("location")]);
  }
  assert.deepEqual(seen, [
    ["/old/x", 301, "/new/x"],
    ["/fixed", 200, undefined],
    ["/closed", 403, undefined],
    ["/small", 413, undefined],
    ["/other", 200, undefined],
  ]);
  assert.deepEqual(service.targets, ["/other"]);
  await gateway.stop();
  assert.deepEqual(linesOf(log), [
    '{"id":"id/old/x","path":"/old/x","status":301,"route":"old"}',
    '{"id":"id/fixed","path":"/fixed","status":200,"route":"fixed"}',
    '{"id":"id/closed","path":"/closed","status":403,"route":"closed"}',
    '{"id":"id/small","path":"/small","status":413,"route":"small"}',
    '{"id":"id/other","path":"/other","status":200,"route":"rest"}',
  ]);
});

test("the log tells of what the wire refused, and no other step of a policy runs for it", async (t) => {
  const log = join(folder(t), "access.log");
  const fields = ["status", "reason", "route", "client", "listener", "method", "path"];
  const { connect, gateway } = await stageOf(t, [], {
    policies: [
      { "access-log": { to: log, fields } },
      { headers: { response: { set: { "x-by": "torana" } } } },
      { respond: {} },
    ],
    routes: [{ name: "all", policies: [{ "access-log": { to: log, fields: ["path"] } }] }],
    services: {},
  });
  for (const [bytes, status] of [
    ["no HTTP at all\r\n\r\n", 400],
    [`GET /${"x".repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
    ["GET /a/%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ] as const) {
    const client = await connect();
    await client.send(bytes);
    const answer = await client.response();
    assert.equal(answer.status, status);
    assert.equal(answer.field("x-by"), undefined);
    assert.equal(answer.json()["requestId"], answer.field("x-request-id"));
  }
  await gateway.stop();
  const common = '"route":"(refused)","client":"127.0.0.1","listener":"test"';
  assert.deepEqual(linesOf(log), [
    `{"status":400,"reason":"request_malformed",${common},"method":null,"path":null}`,
    `{"status":414,"reason":"target_too_long",${common},"method":null,"path":null}`,
    `{"status":400,"reason":"path_invalid",${common},"method":"GET","path":"/a/%00"}`,
  ]);
});

test("a rotated log goes on in a new file", async (t) => {
  const at = folder(t);
  const log = join(at, "access.log");
  const { ask, gateway } = await stageOf(t, [], {
    policies: [{ "access-log": { to: log, template: "${path}" } }, { respond: {} }],
    routes: [{ name: "all" }],
    services: {},
  });
  await ask(request("GET /before"));
  renameSync(log, `${log}.1`);
  gateway.gateway.reopenLogs();
  await until("the old file to be complete", () => linesOf(`${log}.1`).length === 1);
  await ask(request("GET /after"));
  await gateway.stop();
  assert.deepEqual([linesOf(`${log}.1`), linesOf(log)], [["/before"], ["/after"]]);
});

test("a log that cannot be written is a problem of the config", async (t) => {
  const log = join(folder(t), "none", "access.log");
  const config = { policies: [{ "access-log": { to: log } }, { respond: {} }], routes: [{ name: "all" }] };
  await assert.rejects(startGateway(config), /policies\[0\].*cannot be opened \(ENOENT\): make its folder/);
});

test("a body that is announced too large is refused before the client sends it", async (t) => {
  const service = await startService((_seen, answer) => void answer.end());
  const { connect } = await stageOf(t, [service], {
    policies: [{ "request-size": { max: "1KB" } }],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.url] } },
  });
  const client = await connect();
  await client.send(request("POST /", { Expect: "100-continue", "Content-Length": "1001" }));
  const answer = await client.response();
  assert.deepEqual(
    [answer.status, answer.json()["reason"], answer.informational],
    [413, "body_too_large", []],
  );
  assert.equal(service.seen.length, 0);
});

test("a body without a length is cut at the limit, while the client still sends", async (t) => {
  const service = await startService(
    (seen, answer) => void seen.on("end", () => answer.end("all of it")).resume(),
  );
  const { connect } = await stageOf(t, [service], {
    policies: [{ "request-size": { max: "256KiB" } }],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.url] } },
  });
  const client = await connect();
  await client.send(request("POST /", { "Transfer-Encoding": "chunked" }));
  for (let i = 0; i < 5; i++) await client.send(chunk("x".repeat(65_536)));
  const answer = await client.response();
  assert.deepEqual([answer.status, answer.json()["reason"]], [413, "body_too_large"]);
  assert.equal(answer.closes, true);
});
