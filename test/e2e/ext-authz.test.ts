/** A real service of Envoy's contract decides about real requests. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { authority, shown } from "../support/authority.ts";
import { type Check, type CheckService, startCheckService } from "../support/check-service.ts";
import { type Response, request } from "../support/client.ts";
import { callUnary, echoClient, startEcho } from "../support/grpc.ts";
import { bodyOf, type Seen, startService } from "../support/service.ts";
import { stageOf } from "../support/stage.ts";
import { until } from "../support/wait.ts";

interface Scene {
  readonly authz: CheckService;
  readonly seen: readonly Seen[];
  ask(target: string, fields?: Record<string, string>, body?: string): Promise<Response>;
}

async function scene(t: TestContext, check: Check, options: object = {}, more: object = {}): Promise<Scene> {
  const authz = await startCheckService(check);
  t.after(() => authz[Symbol.asyncDispose]());
  const service = await startService(async (incoming, outgoing) => {
    outgoing.setHeader("x-had", "1");
    outgoing.end((await bodyOf(incoming)).toString());
  });
  const stage = await stageOf(t, [service], {
    routes: [{ name: "all", service: "main", policies: [{ "ext-authz": { service: "authz", ...options } }] }],
    services: { main: { endpoints: [service.url] }, authz: { endpoints: [authz.url], ...more } },
  });
  const ask = (target: string, fields: Record<string, string> = {}, body?: string): Promise<Response> =>
    stage.ask(
      request(
        `${body === undefined ? "GET" : "POST"} ${target}`,
        fields,
        body === undefined ? undefined : Buffer.from(body),
      ),
      body === undefined ? "GET" : "POST",
    );
  return { authz, seen: service.seen, ask };
}

const OK = { status: { code: 0 } };

function valueIn({ fields }: Seen, name: string): string | undefined {
  const values = fields.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(" | ");
}

test("it is told of the request as it would go to the service", async (t) => {
  const { authz, ask } = await scene(t, () => OK, { contextExtensions: { zone: "a" }, timeout: "3s" });
  const answer = await ask("/orders/%7Eada?id=1", {
    "x-a": "1",
    cookie: "s=1",
    "x-forwarded-for": "10.0.0.9",
  });
  assert.equal(answer.status, 200);
  const { attributes } = authz.asked[0]!;
  const { headers, time: _, ...http } = { ...attributes.request.http, time: 0 };
  assert.equal(http.method, "GET");
  assert.match(http.path, /^\/orders\/(~|%7E)ada\?id=1$/);
  assert.deepEqual([http.scheme, http.protocol, http.size, http.body], ["http", "HTTP/1.1", "0", ""]);
  assert.equal(headers["x-a"], "1");
  assert.equal(headers["cookie"], "s=1");
  assert.equal(headers["x-forwarded-for"], "127.0.0.1");
  assert.equal(headers[":path"], http.path);
  assert.equal(headers["x-request-id"], http.id);
  assert.ok(Math.abs(Number(attributes.request.time.seconds) * 1_000 - Date.now()) < 600_000);
  assert.deepEqual(attributes.context_extensions, { zone: "a" });
  assert.equal(attributes.destination.service, "main");
  assert.match(JSON.stringify(attributes.source.address), /127\.0\.0\.1/);
  assert.match(JSON.stringify(attributes.metadata_context.filter_metadata["torana"]), /"all"/);
  assert.ok(authz.deadlines[0]! > 0 && authz.deadlines[0]! <= 3_000);
});

test("it lets pass, and changes request and answer", async (t) => {
  const option = (key: string, value: string, more: object = {}) => ({ header: { key, value }, ...more });
  const said = {
    ...OK,
    ok_response: {
      headers: [
        option("X-Consumer", "ada"),
        option("x-list", "b", { append: { value: true } }),
        option("x-there", "no", { append_action: "ADD_IF_ABSENT" }),
        option("x-new", "yes", { append_action: "ADD_IF_ABSENT" }),
        option("x-not-there", "no", { append_action: "OVERWRITE_IF_EXISTS" }),
        option("x-again", "new", { append_action: "OVERWRITE_IF_EXISTS" }),
        option("host", "evil.example"),
        option("content-length", "99"),
        option(":path", "/evil"),
        option("transfer-encoding", "chunked"),
      ],
      headers_to_remove: ["authorization", "host", "content-length"],
      response_headers_to_add: [
        option("set-cookie", "a=1"),
        option("set-cookie", "b=2"),
        option("x-had", "2"),
        option("connection", "close"),
      ],
      query_parameters_to_set: [{ key: "who", value: "a&b c" }],
      query_parameters_to_remove: ["token"],
    },
    dynamic_metadata: { fields: { a: { stringValue: "b" } } },
  };
  const { seen, ask } = await scene(t, () => said);
  const fields = {
    authorization: "Bearer t",
    "x-consumer": "root",
    "x-list": "a",
    "x-there": "t",
    "x-again": "old",
  };
  const answer = await ask("/x?a=%41&token=s&who=root", fields);
  assert.equal(answer.status, 200);
  const sent = seen[0]!;
  assert.equal(sent.target, "/x?a=%41&who=a%26b%20c");
  const values = ["x-consumer", "x-list", "x-there", "x-new", "x-not-there", "x-again", "authorization"];
  assert.deepEqual(
    values.map((name) => valueIn(sent, name)),
    ["ada", "a | b", "t", "yes", undefined, "new", undefined],
  );
  assert.doesNotMatch(valueIn(sent, "host") ?? "", /evil/);
  const cookies = answer.fields
    .filter(([name]) => name.toLowerCase() === "set-cookie")
    .map(([, value]) => value);
  assert.deepEqual([cookies, answer.field("x-had")], [["a=1", "b=2"], "2"]);
});

test("its refusal goes to the client", async (t) => {
  const said = {
    status: { code: 7 },
    denied_response: {
      status: { code: 418 },
      headers: [
        { header: { key: "x-why", value: "tea" } },
        { header: { key: "content-length", value: "9" } },
      ],
      body: "short and stout",
    },
  };
  const { seen, ask } = await scene(t, () => said);
  const answer = await ask("/");
  assert.deepEqual(
    [answer.status, answer.field("x-why"), answer.body.toString()],
    [418, "tea", "short and stout"],
  );
  assert.equal(seen.length, 0);
});

const refusals: readonly (readonly [title: string, said: object, status: number])[] = [
  ["a status alone", { status: { code: 7 } }, 403],
  ["a refusal without a status of its own", { status: { code: 16 }, denied_response: {} }, 403],
  ["a refusal that calls itself OK", { ...OK, denied_response: { status: { code: 200 } } }, 403],
  ["a refusal by 401", { status: { code: 16 }, denied_response: { status: { code: 401 } } }, 401],
  ["OK fields beside a status that is not", { status: { code: 7 }, ok_response: {} }, 403],
  ["no word at all", {}, 503],
  [
    "a field that cannot be sent",
    { ...OK, ok_response: { headers: [{ header: { key: "x", value: "a\r\nb: c" } }] } },
    503,
  ],
  [
    "the name of a field that is none",
    { ...OK, ok_response: { headers: [{ header: { key: "a b", value: "" } }] } },
    200,
  ],
  ["fields without a status", { ok_response: { headers: [] } }, 200],
];

for (const [title, said, status] of refusals)
  test(`${title} is ${status}`, async (t) => {
    const { seen, ask } = await scene(t, () => said);
    assert.deepEqual([(await ask("/")).status, seen.length], [status, status === 200 ? 1 : 0]);
  });

test("a service that fails refuses, or lets pass where that is wanted", async (t) => {
  const closed = await scene(t, () => 14);
  assert.equal((await closed.ask("/")).status, 503);
  const open = await scene(t, () => 13, { onFailure: "allow" });
  assert.equal((await open.ask("/")).status, 200);
});

test("a service that never answers is waited for no longer than said", async (t) => {
  const { authz, ask } = await scene(t, () => undefined, { timeout: "200ms" });
  const answer = await ask("/");
  assert.deepEqual([answer.status, authz.asked.length], [503, 1]);
});

test("the body is told, and goes on to the service", async (t) => {
  const text = await scene(t, () => OK, { body: "1KB" });
  const answer = await text.ask("/", {}, "grüße");
  assert.equal(answer.status, 200);
  assert.equal(text.authz.asked[0]!.attributes.request.http.body, "grüße");
  assert.equal(answer.body.toString(), "grüße");
  assert.equal((await text.ask("/", {}, "x".repeat(2_000))).status, 413);
  const bytes = await scene(t, () => OK, { body: "1KB", bodyAs: "bytes" });
  await bytes.ask("/", {}, "grüße");
  assert.equal(bytes.authz.asked[0]!.attributes.request.http.raw_body.toString(), "grüße");
});

test("fields that only it may write reach neither it nor the service from a client", async (t) => {
  const { authz, seen, ask } = await scene(t, () => OK, { reservedHeaders: ["x-consumer"] });
  await ask("/", { "x-consumer": "root", X_Consumer: "root", "x-other": "1" });
  const { headers } = authz.asked[0]!.attributes.request.http;
  assert.deepEqual(
    [headers["x-consumer"], headers["x_consumer"], headers["x-other"]],
    [undefined, undefined, "1"],
  );
  assert.deepEqual(
    [valueIn(seen[0]!, "x-consumer"), valueIn(seen[0]!, "x_consumer")],
    [undefined, undefined],
  );
});

test("only the fields that are named are told", async (t) => {
  const { authz, ask } = await scene(t, () => OK, { headers: ["x-a"] });
  await ask("/", { "x-a": "1", authorization: "Bearer t" });
  const { headers } = authz.asked[0]!.attributes.request.http;
  assert.deepEqual(
    Object.keys(headers).filter((name) => !name.startsWith(":")),
    ["x-a"],
  );
});

test("decisions are remembered by their key", async (t) => {
  let said: object = OK;
  const { authz, ask } = await scene(t, () => said, {
    cache: { key: ["authorization", "path"], negative: "1m" },
  });
  for (let i = 0; i < 3; i++) assert.equal((await ask("/a", { authorization: "one" })).status, 200);
  assert.equal(authz.asked.length, 1);
  said = { status: { code: 7 } };
  for (let i = 0; i < 3; i++) assert.equal((await ask("/a", { authorization: "two" })).status, 403);
  assert.equal(authz.asked.length, 2);
  assert.equal((await ask("/b", { authorization: "one" })).status, 403);
  assert.equal((await ask("/a", { authorization: "one" })).status, 200);
});

test("it is asked over TLS", async (t) => {
  const ca = authority(t);
  await using authz = await startCheckService(() => OK, shown(ca.issue({ names: ["IP:127.0.0.1"] })));
  const service = await startService((_incoming, outgoing) => void outgoing.end("in"));
  const stage = await stageOf(t, [service], {
    routes: [{ name: "all", service: "main", policies: [{ "ext-authz": { service: "authz" } }] }],
    services: {
      main: { endpoints: [service.url] },
      authz: { endpoints: [authz.url], tls: { ca: ca.cert } },
    },
  });
  assert.equal((await stage.ask(request("GET /"))).status, 200);
  assert.equal(authz.asked.length, 1);
});

test("a call of gRPC is told its status", async (t) => {
  await using authz = await startCheckService(({ attributes }) =>
    attributes.request.http.headers["x-token"] === "good"
      ? OK
      : { status: { code: 16 }, denied_response: { status: { code: 401 } } },
  );
  const echo = await startEcho();
  t.after(() => echo.stop());
  const stage = await stageOf(t, [], {
    listeners: [{ name: "test", address: "127.0.0.1:0" }],
    routes: [{ name: "all", service: "main", policies: [{ "ext-authz": { service: "authz" } }] }],
    services: { main: { endpoints: [echo.url] }, authz: { endpoints: [authz.url] } },
  });
  const client = echoClient(stage.gateway.port());
  t.after(() => client.close());
  const { error } = await callUnary(client, { text: "hello" });
  assert.equal(error?.code, 16);
});

test("a client that leaves while it is asked leaves nothing behind", async (t) => {
  await using authz = await startCheckService(() => undefined);
  const service = await startService((_incoming, outgoing) => void outgoing.end("in"));
  const { gateway, connect } = await stageOf(t, [service], {
    routes: [
      { name: "all", service: "main", policies: [{ "ext-authz": { service: "authz", timeout: "300ms" } }] },
    ],
    services: { main: { endpoints: [service.url] }, authz: { endpoints: [authz.url] } },
  });
  const client = await connect();
  client.socket.write(request("GET /"));
  await until("the question", () => authz.asked.length === 1);
  client.socket.destroy();
  await until("the end of the exchange", () => gateway.gateway.reading().inFlight === 0);
  assert.equal(service.seen.length, 0);
});

test("a field may have any name", async (t) => {
  const { authz, ask } = await scene(t, () => OK);
  const fields = Object.fromEntries([
    ["__proto__", "a"],
    ["constructor", "b"],
  ]);
  assert.equal((await ask("/", fields)).status, 200);
  const { headers } = authz.asked[0]!.attributes.request.http;
  assert.equal(headers["constructor"], "b");
});
