import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createKey, writtenHash } from "../lib/api-key.ts";
import { Fields } from "../lib/fields.ts";
import { CallFailed, type CallReply, type CallRequest } from "../pipeline/calls.ts";
import { describePolicy, memoryGateway, testClock } from "../testing/index.ts";
import { anyOf } from "./any-of.ts";
import { forwardAuth } from "./forward-auth.ts";
import { keyAuth } from "./key-auth.ts";

const URL_OF_IT = "https://auth.example/verify";

type Pairs = readonly (readonly [string, string])[];

function says(status: number, fields: Pairs = [], body = ""): CallReply {
  return { status, fields: Fields.from(fields), body: Buffer.from(body), trailers: undefined };
}

/** Somebody outside that answers one after the other, and notes what it was asked. */
function scripted(...answers: (CallReply | Error)[]) {
  const asked: CallRequest[] = [];
  const outside = async (request: CallRequest): Promise<CallReply> => {
    asked.push(request);
    const answer = answers[Math.min(asked.length, answers.length) - 1]!;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { asked, outside };
}

function told(request: CallRequest): Record<string, string> {
  return Object.fromEntries(request.fields!.entries());
}

describePolicy(forwardAuth, {
  consumers: [{ name: "ada", groups: ["staff"] }],
  refused: [
    { options: {}, message: /write one of url and service/ },
    { options: { url: "http://auth.example/" }, message: /allowHttp/ },
    { options: { service: "main" }, message: /write the path/ },
    { options: { service: "nowhere", path: "/" }, message: /there is no service "nowhere"/ },
    { options: { url: URL_OF_IT, copyHeaders: ["content-length"] }, message: /frames the message/ },
    { options: { url: URL_OF_IT, headers: ["host"] }, message: /Host is not edited/ },
    { options: { url: URL_OF_IT, optional: true }, message: /name the fields that carry one/ },
    { options: { url: URL_OF_IT, anonymous: "ada" }, message: /name the fields that carry one/ },
    { options: { url: URL_OF_IT, requireConsumer: true }, message: /consumerHeader/ },
    { options: { url: URL_OF_IT, body: "1KB", method: "GET" }, message: /sends no body/ },
    { options: { url: URL_OF_IT, body: "1KB", cache: {} }, message: /cache\.key/ },
    { options: { url: URL_OF_IT, cache: { key: ["a b"] } }, message: /neither a part/ },
  ],
  steps: [
    {
      title: "lets pass what it lets pass, and tells both sides what it said",
      options: { url: URL_OF_IT, copyHeaders: ["x-user", "x-role-*"], responseHeaders: ["set-cookie"] },
      request: {
        target: "/orders?id=1",
        fields: { "x-user": "root", "X-Role-Admin": "yes", x_user: "root", authorization: "Bearer t" },
      },
      outside: () =>
        says(200, [
          ["x-user", "ada"],
          ["x-role-reader", "yes"],
          ["x-other", "no"],
          ["set-cookie", "s=1"],
          ["set-cookie", "t=2"],
        ]),
      check({ reply, sent }) {
        assert.equal(reply.status, 200);
        const { fields } = sent[0]!;
        assert.deepEqual(fields.all("x-user"), ["ada"]);
        assert.deepEqual(fields.all("x_user"), []);
        assert.deepEqual([fields.get("x-role-admin"), fields.get("x-role-reader")], [undefined, "yes"]);
        assert.equal(fields.get("x-other"), undefined);
        assert.equal(fields.get("authorization"), "Bearer t");
        assert.deepEqual(reply.fields.all("set-cookie"), ["s=1", "t=2"]);
      },
    },
    {
      title: "gives the client the answer of a service that refuses",
      options: { url: URL_OF_IT },
      outside: () =>
        says(
          403,
          [
            ["x-why", "not yours"],
            ["content-type", "text/plain"],
            ["connection", "x-why2"],
          ],
          "no",
        ),
      check({ reply, sent, exchange }) {
        assert.deepEqual([reply.status, Buffer.from(reply.body).toString(), sent.length], [403, "no", 0]);
        assert.equal(reply.fields.get("x-why"), "not yours");
        assert.equal(reply.fields.get("connection"), undefined);
        assert.equal(exchange.outcome?.reason, "forward_auth_denied");
      },
    },
    {
      title: "sends the client to the login that it is sent to",
      options: { url: URL_OF_IT },
      outside: () =>
        says(302, [
          ["location", "https://login.example/"],
          ["set-cookie", "csrf=1"],
        ]),
      check({ reply, sent }) {
        assert.deepEqual([reply.status, sent.length], [302, 0]);
        assert.equal(reply.fields.get("location"), "https://login.example/");
        assert.equal(reply.fields.get("set-cookie"), "csrf=1");
      },
    },
    {
      title: "answers 401 with the challenge of the service",
      options: { url: URL_OF_IT },
      outside: () => says(401, [["www-authenticate", "Negotiate"]]),
      check({ reply, exchange }) {
        assert.deepEqual([reply.status, reply.fields.get("www-authenticate")], [401, "Negotiate"]);
        assert.equal(exchange.outcome?.reason, "forward_auth_unauthenticated");
      },
    },
    {
      title: "refuses where the service fails",
      options: { url: URL_OF_IT },
      outside: () => says(500, [], "stack trace"),
      check({ reply, sent, exchange }) {
        assert.deepEqual([reply.status, sent.length], [503, 0]);
        assert.doesNotMatch(Buffer.from(reply.body).toString(), /stack/);
        assert.equal(exchange.outcome?.reason, "forward_auth_unavailable");
      },
    },
    {
      title: "lets pass where the service fails and that was wanted, without what the client says itself",
      options: { url: URL_OF_IT, onFailure: "allow", copyHeaders: ["x-user"] },
      request: { fields: { "x-user": "root" } },
      outside: () => Promise.reject(new CallFailed("call_timeout", "late")),
      check({ reply, sent }) {
        assert.deepEqual([reply.status, sent[0]?.fields.get("x-user")], [200, undefined]);
      },
    },
    {
      title: "knows the consumer by the field that names it",
      options: { url: URL_OF_IT, consumerHeader: "x-consumer" },
      request: { fields: { "x-consumer": "root" } },
      outside: () => says(204, [["x-consumer", "ada"]]),
      check({ exchange, sent }) {
        assert.deepEqual([exchange.consumer?.name, exchange.consumer?.groups], ["ada", ["staff"]]);
        assert.equal(exchange.credential, "ada");
        assert.equal(sent[0]?.fields.get("x-consumer"), undefined);
      },
    },
    {
      title: "refuses whom the config does not know, where it is to",
      options: { url: URL_OF_IT, consumerHeader: "x-consumer", requireConsumer: true },
      outside: () => says(200, [["x-consumer", "eve"]]),
      check({ reply, exchange }) {
        assert.deepEqual([reply.status, exchange.outcome?.reason], [403, "forward_auth_consumer"]);
      },
    },
    {
      title: "asks nobody about requests without a credential",
      options: { url: URL_OF_IT, credentials: ["x-key"], optional: true },
      outside: () => assert.fail("asked"),
      check({ reply, exchange }) {
        assert.deepEqual([reply.status, exchange.consumer], [200, undefined]);
      },
    },
    {
      title: "takes the credential away",
      options: { url: URL_OF_IT, credentials: ["x-key", "cookie"], headers: ["x-key"] },
      request: { fields: { "x-key": "k", cookie: "a=1" } },
      outside: (request) => says(told(request)["x-key"] === "k" ? 200 : 403),
      check({ reply, sent }) {
        assert.deepEqual(
          [reply.status, sent[0]?.fields.has("x-key"), sent[0]?.fields.get("cookie")],
          [200, false, "a=1"],
        );
      },
    },
    {
      title: "tells a call of gRPC its status",
      options: { url: URL_OF_IT },
      request: { method: "POST", fields: { "content-type": "application/grpc", te: "trailers" }, body: "" },
      outside: () => says(401, [], "<html>"),
      check({ reply }) {
        assert.deepEqual([reply.status, reply.fields.get("grpc-status")], [200, "16"]);
      },
    },
    {
      title: "refuses a body that is longer than it may be",
      options: { url: URL_OF_IT, body: "1KB" },
      request: { method: "POST", body: "x".repeat(2_000) },
      outside: () => assert.fail("asked"),
      check({ reply }) {
        assert.equal(reply.status, 413);
      },
    },
  ],
  wire: {
    title: "refuses where nobody answers",
    options: { url: "http://127.0.0.1:1/verify", timeout: "1s" },
    check({ reply, sent, exchange }) {
      assert.deepEqual([reply.status, sent.length], [503, 0]);
      assert.equal(exchange.outcome?.reason, "forward_auth_unavailable");
    },
  },
});

describe("what forward-auth tells", () => {
  const ask = async (options: object, request: object = {}): Promise<CallRequest> => {
    const { asked, outside } = scripted(says(200));
    const config = { policies: [{ "forward-auth": { url: URL_OF_IT, ...options } }] };
    const gateway = memoryGateway({ policies: [forwardAuth], config, outside });
    await gateway.send({ target: "/a%20b?c=d", host: "shop.example", ...request });
    gateway.close();
    return asked[0]!;
  };
  const lies = { "x-forwarded-uri": "/free", "x-original-url": "/free", "x-forwarded-for": "10.0.0.1" };

  test("by X-Forwarded, and never in the client's own words", async () => {
    const fields = { ...lies, cookie: "s=1", "x-private": "p", authorization: "Basic eA==" };
    const request = await ask({}, { fields });
    assert.equal(request.method, "GET");
    assert.equal(request.body, undefined);
    const { "x-request-id": id, ...rest } = told(request);
    assert.match(id!, /./);
    assert.deepEqual(rest, {
      authorization: "Basic eA==",
      cookie: "s=1",
      "x-forwarded-for": "192.0.2.1",
      "x-forwarded-host": "shop.example",
      "x-forwarded-method": "GET",
      "x-forwarded-proto": "http",
      "x-forwarded-uri": "/a%20b?c=d",
    });
  });

  test("by X-Original", async () => {
    const request = await ask(
      { convention: "x-original", headers: Object.keys(lies) },
      { fields: lies, method: "PUT" },
    );
    const { "x-request-id": _, ...rest } = told(request);
    assert.deepEqual(rest, {
      "x-forwarded-for": "192.0.2.1",
      "x-forwarded-uri": "/free",
      "x-original-method": "PUT",
      "x-original-uri": "/a%20b?c=d",
      "x-original-url": "http://shop.example/a%20b?c=d",
      "x-real-ip": "192.0.2.1",
    });
  });

  test("by both, where a field that was chosen is overwritten by the gateway's own", async () => {
    const request = told(await ask({ convention: "both", headers: ["x-forwarded-uri"] }, { fields: lies }));
    assert.equal(request["x-forwarded-uri"], "/a%20b?c=d");
    assert.equal(request["x-original-uri"], "/a%20b?c=d");
  });

  test("with the body, which the service gets as well", async () => {
    const sent = { method: "POST", body: ["he", "llo"], fields: { "content-type": "text/x" } };
    const request = await ask({ body: "8KB" }, sent);
    assert.equal(request.method, "POST");
    assert.equal(Buffer.from(request.body as Uint8Array).toString(), "hello");
    assert.equal(told(request)["content-type"], "text/x");
  });

  test("an authorization that is copied is still asked about", async () => {
    const request = await ask({ copyHeaders: ["authorization"] }, { fields: { authorization: "Bearer t" } });
    assert.equal(told(request)["authorization"], "Bearer t");
  });
});

describe("forward-auth with a cache", () => {
  const gatewayWith = (cache: object, ...answers: (CallReply | Error)[]) => {
    const { asked, outside } = scripted(...answers);
    const clock = testClock();
    const config = {
      policies: [{ "forward-auth": { url: URL_OF_IT, cache, responseHeaders: ["set-cookie"] } }],
    };
    return { asked, clock, gateway: memoryGateway({ policies: [forwardAuth], config, outside, clock }) };
  };
  const from = (authorization: string) => ({ fields: { authorization } });

  test("asks once for each key, until its time is over", async () => {
    const { asked, clock, gateway } = gatewayWith({ for: "30s", key: ["authorization"] }, says(200));
    for (const who of ["a", "b", "a", "b", "a"])
      assert.equal((await gateway.send(from(who))).reply.status, 200);
    assert.equal(asked.length, 2);
    clock.advance(30_000);
    await gateway.send(from("a"));
    assert.equal(asked.length, 3);
    gateway.close();
  });

  test("keeps refusals for their own time, with what was said", async () => {
    const { asked, clock, gateway } = gatewayWith(
      { negative: "5s", key: ["authorization"] },
      says(403, [["x-why", "never"]], "no"),
    );
    for (let i = 0; i < 3; i++) {
      const { reply } = await gateway.send(from("a"));
      assert.deepEqual(
        [reply.status, reply.fields.get("x-why"), Buffer.from(reply.body).toString()],
        [403, "never", "no"],
      );
    }
    assert.equal(asked.length, 1);
    clock.advance(5_000);
    await gateway.send(from("a"));
    assert.equal(asked.length, 2);
    gateway.close();
  });

  test("keeps no failure", async () => {
    const { asked, gateway } = gatewayWith(
      { key: ["authorization"] },
      new Error("down"),
      says(500),
      says(200),
    );
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) statuses.push((await gateway.send(from("a"))).reply.status);
    assert.deepEqual(statuses, [503, 503, 200]);
    assert.equal(asked.length, 3);
    gateway.close();
  });

  test("gives nobody the cookie of another", async () => {
    const { asked, gateway } = gatewayWith(
      { key: ["authorization"] },
      says(200, [["set-cookie", "s=1"]]),
      says(200, [["set-cookie", "s=2"]]),
    );
    const runs = await Promise.all([gateway.send(from("a")), gateway.send(from("a"))]);
    assert.deepEqual(runs.map(({ reply }) => reply.fields.get("set-cookie")).sort(), ["s=1", "s=2"]);
    assert.equal(asked.length, 2);
    gateway.close();
  });

  test("asks once for requests that come together", async () => {
    const { asked, gateway } = gatewayWith({ key: ["authorization"] }, says(200));
    const runs = await Promise.all(Array.from({ length: 20 }, () => gateway.send(from("a"))));
    assert.deepEqual([asked.length, new Set(runs.map(({ reply }) => reply.status))], [1, new Set([200])]);
    gateway.close();
  });

  test("a field with the name of a part of the request is a field", async () => {
    const { asked, outside } = scripted(says(200));
    const policies = [{ "forward-auth": { url: URL_OF_IT, headers: ["route", "Client"], cache: {} } }];
    const gateway = memoryGateway({ policies: [forwardAuth], config: { policies }, outside });
    const requests = [{ route: "a" }, { route: "b" }, { client: "a" }, { client: "b" }];
    for (const fields of requests) await gateway.send({ fields });
    assert.equal(asked.length, requests.length);
    gateway.close();
  });

  test("keeps apart by default what it tells apart", async () => {
    const { asked, gateway } = gatewayWith({}, says(200));
    const all = [
      {},
      { target: "/x" },
      { target: "/?x" },
      { method: "PUT" },
      { host: "b.example" },
      from("a"),
      { fields: { cookie: "a" } },
      { fields: { cookie: "" } },
    ];
    for (const request of [...all, ...all]) await gateway.send(request);
    assert.equal(asked.length, all.length);
    gateway.close();
  });
});

test("a way that asks outside stands beside others", async () => {
  const { asked, outside } = scripted(
    says(302, [["location", "/login"]]),
    says(401, [["x-why", "who?"]]),
    says(200),
  );
  const methods = [{ "key-auth": {} }, { "forward-auth": { url: URL_OF_IT, copyHeaders: ["x-user"] } }];
  const config = { policies: [{ "any-of": { methods } }] };
  const gateway = memoryGateway({ policies: [anyOf, forwardAuth, keyAuth], config, outside });
  assert.equal((await gateway.send()).reply.status, 302);
  const refused = (await gateway.send()).reply;
  assert.deepEqual([refused.status, refused.fields.get("x-why")], [401, "who?"]);
  const { reply, sent } = await gateway.send({ fields: { "x-user": "root" } });
  assert.deepEqual([reply.status, sent[0]?.fields.has("x-user"), asked.length], [200, false, 3]);
  gateway.close();
});

test("a credential that nobody asked about does not reach the service", async () => {
  const { asked, outside } = scripted(new Error("down"));
  const ask = { "forward-auth": { url: URL_OF_IT, credentials: ["x-ticket"], onFailure: "allow" } };
  const key = createKey();
  const consumers = [{ name: "ada", keys: [{ hash: writtenHash(key) }] }];
  const beside = memoryGateway({
    policies: [anyOf, forwardAuth, keyAuth],
    config: { policies: [{ "any-of": { methods: [{ "key-auth": {} }, ask] } }], consumers },
    outside,
  });
  const fields = { "x-api-key": key, "x-ticket": "forged" };
  const known = await beside.send({ fields });
  assert.deepEqual([known.reply.status, known.exchange.consumer?.name, asked.length], [200, "ada", 0]);
  assert.equal(known.sent[0]!.fields.get("x-ticket"), undefined);
  beside.close();
  const alone = memoryGateway({ policies: [forwardAuth], config: { policies: [ask] }, outside });
  const passed = await alone.send({ fields: { "x-ticket": "forged" } });
  assert.deepEqual([passed.reply.status, asked.length], [200, 1]);
  assert.equal(passed.sent[0]!.fields.get("x-ticket"), undefined);
  alone.close();
});

test("a way that is told the body holds it for all that stand beside it", async () => {
  const { asked, outside } = scripted(says(200));
  const methods = [{ "key-auth": {} }, { "forward-auth": { url: URL_OF_IT, body: "1KB" } }];
  const config = { policies: [{ "any-of": { methods } }] };
  const gateway = memoryGateway({ policies: [anyOf, forwardAuth, keyAuth], config, outside });
  const { reply, sent } = await gateway.send({ method: "POST", body: ["he", "llo"] });
  assert.deepEqual([reply.status, sent[0]?.body.toString()], [200, "hello"]);
  assert.equal(Buffer.from(asked[0]!.body as Uint8Array).toString(), "hello");
  const large = await gateway.send({ method: "POST", body: ["x".repeat(1_025)] });
  assert.deepEqual([large.reply.status, asked.length], [413, 1]);
  gateway.close();
});
