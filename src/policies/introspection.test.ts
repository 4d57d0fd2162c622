import assert from "node:assert/strict";
import { test } from "node:test";
import { inSeconds } from "../../test/support/tokens.ts";
import { Fields } from "../lib/fields.ts";
import type { CallReply, CallRequest } from "../pipeline/calls.ts";
import { describePolicy, memoryGateway, testClock } from "../testing/index.ts";
import { introspection } from "./introspection.ts";

const OPTIONS = { url: "https://id.example/introspect", clientId: "gate:way", clientSecret: "s e%c" };

const bearer = (token: string): { fields: Record<string, string> } => ({
  fields: { authorization: `Bearer ${token}` },
});

function says(document: unknown, status = 200): CallReply {
  const body = Buffer.from(typeof document === "string" ? document : JSON.stringify(document));
  return { status, fields: new Fields(), body, trailers: undefined };
}

/** Knows one token. */
function server(more: object = {}): (request: CallRequest) => CallReply {
  return (request) => {
    assert.equal(request.method, "POST");
    const form = new URLSearchParams(String(request.body));
    return says(
      form.get("token") === "opaque"
        ? { active: true, sub: "alice", scope: "read", ...more }
        : { active: false },
    );
  };
}

describePolicy(introspection, {
  refused: [
    { options: { clientId: "a", clientSecret: "b" }, message: /write one of url and service/ },
    { options: { ...OPTIONS, service: "main" }, message: /write one of url and service/ },
    { options: { ...OPTIONS, url: "http://id.example" }, message: /url: without TLS/ },
    { options: { service: "main", clientId: "a", clientSecret: "b" }, message: /path: write the path/ },
    { options: { ...OPTIONS, clientSecret: undefined }, message: /clientSecret/ },
    { options: { ...OPTIONS, requireConsumer: true }, message: /write issuer, or consumerClaim/ },
    { options: { ...OPTIONS, path: "/introspect" }, message: /path: belongs to service/ },
  ],
  steps: [
    {
      title: "lets in whom the server knows, asked as RFC 7662 says",
      options: OPTIONS,
      request: bearer("opaque"),
      outside: (request) => {
        assert.deepEqual(request.to, { url: OPTIONS.url });
        const basic = Buffer.from("gate%3Away:s+e%25c").toString("base64");
        assert.equal(request.fields?.get("authorization"), `Basic ${basic}`);
        assert.equal(request.body, "token=opaque&token_type_hint=access_token");
        return server()(request);
      },
      check({ reply, sent, exchange }) {
        assert.equal(reply.status, 200);
        assert.equal(sent[0]!.fields.has("authorization"), false);
        assert.deepEqual({ ...exchange.claims }, { sub: "alice", scope: "read" });
      },
    },
    {
      title: "says its secret in the form where the server wants that",
      options: { ...OPTIONS, auth: "post" },
      request: bearer("opaque"),
      outside: (request) => {
        const form = new URLSearchParams(String(request.body));
        assert.deepEqual([form.get("client_id"), form.get("client_secret")], ["gate:way", "s e%c"]);
        assert.equal(request.fields?.has("authorization"), false);
        return server()(request);
      },
      check: ({ reply }) => assert.equal(reply.status, 200),
    },
    {
      title: "believes a server whose clock is a little ahead",
      options: OPTIONS,
      request: bearer("opaque"),
      outside: server({ iat: inSeconds(5), nbf: inSeconds(5) }),
      check: ({ reply }) => assert.equal(reply.status, 200),
    },
    {
      title: "refuses whom it does not know",
      options: OPTIONS,
      request: bearer("junk"),
      outside: server(),
      check({ reply, exchange }) {
        assert.deepEqual([reply.status, exchange.outcome?.reason], [401, "token_inactive"]);
        assert.match(reply.fields.get("www-authenticate") ?? "", /^Bearer error="invalid_token"/);
      },
    },
    {
      title: "asks nobody about what is no token",
      options: OPTIONS,
      request: bearer("a&token=opaque"),
      outside: () => assert.fail("it asked"),
      check: ({ exchange }) => assert.equal(exchange.outcome?.reason, "token_malformed"),
    },
    {
      title: "asks nobody about a token that is too long",
      options: OPTIONS,
      request: bearer("x".repeat(5_000)),
      outside: () => assert.fail("it asked"),
      check: ({ exchange }) => assert.equal(exchange.outcome?.reason, "token_too_large"),
    },
    {
      title: "lets nobody in while the server cannot be asked",
      options: OPTIONS,
      request: bearer("opaque"),
      outside: () => Promise.reject(new Error("down")),
      check: ({ reply, exchange }) =>
        assert.deepEqual([reply.status, exchange.outcome?.reason], [503, "token_unavailable"]),
    },
    ...[
      says("no JSON"),
      says([]),
      says({ sub: "alice" }),
      says({ active: "true" }),
      says({ active: true }, 500),
    ].map((answer, i) => ({
      title: `lets nobody in by an answer that is none (${i + 1})`,
      options: OPTIONS,
      request: bearer("opaque"),
      outside: () => answer,
      check: ({ reply }: { reply: { status: number } }) => assert.equal(reply.status, 503),
    })),
    ...(
      [
        [{ exp: inSeconds(-1) }, {}, "token_expired"],
        [{ exp: "soon" }, {}, "token_malformed"],
        [{ nbf: inSeconds(60) }, {}, "token_not_yet"],
        [{ iss: "https://else.example" }, { issuer: "https://id.example" }, "token_issuer"],
        [{ aud: "bank" }, { audience: "shop" }, "token_audience"],
        [{}, { required: ["client_id"] }, "token_claim"],
        [{ username: "bob" }, { claims: { username: "alice" } }, "token_claim"],
        [{}, { scopes: "write" }, "token_scope"],
        [{}, { consumerClaim: "client_id", requireConsumer: true }, "token_consumer"],
      ] as const
    ).map(([said, options, reason]) => ({
      title: `refuses by what the server says: ${reason} ${JSON.stringify(options)}`,
      options: { ...OPTIONS, ...options },
      request: bearer("opaque"),
      outside: server(said),
      check: ({ exchange }: { exchange: { outcome?: { reason?: string | undefined } | undefined } }) =>
        assert.equal(exchange.outcome?.reason, reason),
    })),
  ],
  wire: {
    title: "lets nobody in whose token it cannot ask about",
    options: { ...OPTIONS, url: "http://127.0.0.1:1/" },
    request: bearer("opaque"),
    check: ({ reply, sent }) => assert.deepEqual([reply.status, sent.length], [503, 0]),
  },
});

test("introspection: asks once for all who bring a token at the same time, and again when the answer is old", async () => {
  const clock = testClock();
  let asked = 0;
  let active = true;
  const outside = async (): Promise<CallReply> => {
    asked++;
    await new Promise((resolve) => setImmediate(resolve));
    return says({ active, exp: Math.floor(clock.wall() / 1_000) + 20 });
  };
  const policies = [{ introspection: { ...OPTIONS, cacheFor: "30s", inactiveFor: "5s" } }];
  const gateway = memoryGateway({ policies: [introspection], config: { policies }, outside, clock });
  const send = async (token: string): Promise<number> => (await gateway.send(bearer(token))).reply.status;
  assert.deepEqual(await Promise.all(Array.from({ length: 50 }, () => send("one"))), Array(50).fill(200));
  assert.equal(asked, 1);
  clock.advance(19_000);
  assert.deepEqual([await send("one"), asked], [200, 1]);
  active = false;
  clock.advance(1_000);
  assert.deepEqual([await send("one"), await send("one"), asked], [401, 401, 2], "at most until it expires");
  active = true;
  clock.advance(5_000);
  assert.deepEqual([await send("one"), asked], [200, 3]);
  gateway.close();
});
