import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { inSeconds, jwkOf, token } from "../../test/support/tokens.ts";
import { Fields } from "../lib/fields.ts";
import { CallFailed } from "../pipeline/calls.ts";
import { describePolicy, memoryGateway, runPolicy, testClock } from "../testing/index.ts";
import { jwt } from "./jwt.ts";

const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const pem = String(publicKey.export({ type: "spki", format: "pem" }));
const NOW = 1_700_000_000;

function good(claims: object = {}, header: object = {}): string {
  return token(
    { alg: "EdDSA", ...header },
    { iss: "https://id.example", sub: "alice", exp: inSeconds(300), ...claims },
    privateKey,
  );
}

const bearer = (written: string): { fields: Record<string, string> } => ({
  fields: { authorization: `Bearer ${written}` },
});

describePolicy(jwt, {
  refused: [
    { options: {}, message: /nobody knows its keys; write issuer, jwks, keys or secret/ },
    { options: { issuer: "http://id.example" }, message: /issuer: without TLS anybody/ },
    { options: { issuer: "id" }, message: /issuer: not an http or https URL/ },
    { options: { jwks: "https://user:pw@id.example/jwks" }, message: /a URL with a user/ },
    { options: { secret: "short" }, message: /secret: the secret has 5 octets/ },
    { options: { secret: pem }, message: /secret: this is a public key/ },
    { options: { keys: [pem], secret: "x".repeat(32) }, message: /keys and secret exclude each other/ },
    { options: { keys: ["hello"] }, message: /keys\[0\]: not a public key/ },
    { options: { keys: [pem], algorithms: ["none"] }, message: /algorithms/ },
    { options: { jwks: "https://id.example", algorithms: ["HS256"] }, message: /HS… needs secret or keys/ },
    { options: { issuers: [{ keys: [pem] }, { keys: [pem] }] }, message: /of several each needs its issuer/ },
    { options: { issuers: [{ keys: [pem] }], secret: "x" }, message: /secret stands beside it/ },
    { options: { jwks: { service: "nobody", path: "/" } }, message: /there is no service "nobody"/ },
    { options: { keys: [pem], claims: { a: { regex: "(" } } }, message: /claims/ },
    { options: { keys: [pem], revoked: {} }, message: /write one of file, url and service/ },
    { options: { keys: [pem], revoked: { file: "/nowhere" } }, message: /revoked\.file: ENOENT/ },
    { options: { keys: [pem], from: [] }, message: /from/ },
    { options: { keys: [pem], requireConsumer: true }, message: /write issuer, or consumerClaim/ },
    { options: { issuer: "https://id.example", refresh: "0s" }, message: /refresh: would ask without end/ },
    {
      options: { keys: [pem], revoked: { file: "/nowhere", every: 0 } },
      message: /every: would ask without end/,
    },
  ],
  steps: [
    {
      title: "lets a good token in, tells who it is, and keeps it from the service",
      options: { keys: [pem], issuer: "https://id.example" },
      request: bearer(good({ n: 1 })),
      check({ reply, sent, exchange }) {
        assert.equal(reply.status, 200);
        assert.equal(sent[0]!.fields.has("authorization"), false);
        assert.deepEqual(
          [exchange.claims?.["n"], exchange.credential, exchange.consumer],
          [1, "alice", undefined],
        );
        assert.throws(() => Object.assign(exchange.claims!, { n: 2 }), /read only/);
      },
    },
    {
      title: "takes the scheme in any case, and blanks behind it",
      options: { keys: [pem] },
      request: { fields: { authorization: `bEARER   ${good()}` } },
      check: ({ reply }) => assert.equal(reply.status, 200),
    },
    {
      title: "leaves the token where the service wants it",
      options: { keys: [pem], keepCredential: true },
      request: bearer(good()),
      check: ({ sent }) => assert.match(sent[0]!.fields.get("authorization") ?? "", /^Bearer ey/),
    },
    {
      title: "asks for a token where none came",
      options: { keys: [pem] },
      check({ reply, exchange }) {
        assert.deepEqual([reply.status, reply.fields.get("www-authenticate")], [401, "Bearer"]);
        assert.equal(exchange.outcome?.reason, "jwt_missing");
      },
    },
    {
      title: "does not take other schemes for a token",
      options: { keys: [pem], optional: true },
      request: { fields: { authorization: "Basic YTpi" } },
      check: ({ reply, exchange }) => assert.deepEqual([reply.status, exchange.claims], [200, undefined]),
    },
    {
      title: "refuses a wrong token also where none is needed",
      options: { keys: [pem], optional: true },
      request: bearer("a.b.c"),
      check: ({ reply }) => assert.equal(reply.status, 401),
    },
    {
      title: "two Authorization fields are no token",
      options: { keys: [pem] },
      request: bearer(`${good()}, Bearer ${good()}`),
      check: ({ exchange }) => assert.equal(exchange.outcome?.reason, "jwt_malformed"),
    },
    {
      title: "takes tokens from a cookie, and leaves the other cookies",
      options: { keys: [pem], from: [{ header: "x-token" }, { cookie: "session" }] },
      request: { fields: { cookie: `a=1; session=${good()}; b=2` } },
      check({ reply, sent }) {
        assert.equal(reply.status, 200);
        assert.equal(sent[0]!.fields.get("cookie"), "a=1; b=2");
      },
    },
    {
      title: "passes no token on that it did not look at, wherever else one stands",
      options: { keys: [pem], from: [{ header: "authorization" }, { cookie: "t" }, { query: "t" }] },
      request: {
        target: "/?t=forged&a",
        fields: { authorization: `Bearer ${good()}`, cookie: "t=forged; a=1" },
      },
      check({ reply, sent }) {
        assert.equal(reply.status, 200);
        assert.equal(sent[0]!.fields.has("authorization"), false);
        assert.deepEqual([sent[0]!.target, sent[0]!.fields.get("cookie")], ["/?a", "a=1"]);
      },
    },
    {
      title: "leaves the token alone that it looked at, where the service wants it",
      options: { keys: [pem], from: [{ header: "authorization" }, { cookie: "t" }], keepCredential: true },
      request: { fields: { authorization: `Bearer ${good()}`, cookie: "t=forged" } },
      check({ sent }) {
        assert.match(sent[0]!.fields.get("authorization") ?? "", /^Bearer ey/);
        assert.equal(sent[0]!.fields.has("cookie"), false);
      },
    },
    {
      title: "leaves another way of saying who calls alone",
      options: { keys: [pem], from: [{ header: "authorization" }, { cookie: "t" }] },
      request: { fields: { authorization: "Basic YTpi", cookie: `t=${good()}` } },
      check: ({ sent }) => assert.equal(sent[0]!.fields.get("authorization"), "Basic YTpi"),
    },
    ...[
      { authorization: "Bearer\tforged" },
      { authorization: "bearer\t forged" },
      { authorization: "Basic YTpi", Authorization: "Bearer forged" },
    ].map((fields) => ({
      title: `refuses what a service could read as a token where none is needed: ${JSON.stringify(fields)}`,
      options: { keys: [pem], optional: true },
      request: { fields },
      check: ({ reply, sent }: { reply: { status: number }; sent: readonly unknown[] }) =>
        assert.deepEqual([reply.status, sent.length], [401, 0]),
    })),
    {
      title: "takes tokens from the query, and leaves the rest of it",
      options: { keys: [pem], from: [{ query: "access_token" }] },
      request: { target: `/x?a=%20&access%5Ftoken=${good()}&b` },
      check({ reply, sent }) {
        assert.equal(reply.status, 200);
        assert.equal(sent[0]!.target, "/x?a=%20&b");
      },
    },
    {
      title: "a token that stands twice in the query is none",
      options: { keys: [pem], from: [{ query: "t" }] },
      request: { target: `/?t=${good()}&t=${good()}` },
      check: ({ exchange }) => assert.equal(exchange.outcome?.reason, "jwt_malformed"),
    },
    {
      title: "a scope that is lacking is a matter of permission, not of identity",
      options: { keys: [pem], scopes: ["write"] },
      request: bearer(good({ scp: ["read"] })),
      check({ reply, exchange }) {
        assert.deepEqual([reply.status, exchange.outcome?.reason], [403, "jwt_scope"]);
        assert.match(reply.fields.get("www-authenticate") ?? "", /^Bearer error="insufficient_scope"/);
      },
    },
    {
      title: "looks into claims as they are written",
      options: {
        keys: [pem],
        claims: {
          "realm_access.roles": ["admin"],
          "https://x.example/a.b": { regex: "[a-z]+" },
          level: 3,
          groups: { all: ["a", "b"] },
        },
      },
      request: bearer(
        good({
          realm_access: { roles: ["user", "admin"] },
          "https://x.example/a.b": "abc",
          level: 3,
          groups: ["b", "c", "a"],
        }),
      ),
      check: ({ reply }) => assert.equal(reply.status, 200),
    },
    {
      title: "a consumer can be demanded",
      options: { keys: [pem], consumerClaim: "client_id", requireConsumer: true },
      request: bearer(good({ client_id: "nobody" })),
      check: ({ reply, exchange }) =>
        assert.deepEqual([reply.status, exchange.outcome?.reason], [403, "jwt_consumer"]),
    },
    {
      title: "checks with a secret",
      options: { secret: "0123456789abcdef0123456789abcdef" },
      request: bearer(token({ alg: "HS256" }, { exp: inSeconds(60) }, "0123456789abcdef0123456789abcdef")),
      check: ({ reply }) => assert.equal(reply.status, 200),
    },
    {
      title: "asks whom it must outside, and nobody else",
      options: { issuer: "https://id.example" },
      request: bearer(good({}, { kid: "k" })),
      outside: ({ to }) => {
        const { url } = to as { url: string };
        const documents: Record<string, object> = {
          "https://id.example/.well-known/openid-configuration": {
            issuer: "https://id.example",
            jwks_uri: "https://keys.example/set",
          },
          "https://keys.example/set": { keys: [jwkOf(publicKey, { kid: "k" })] },
        };
        const body = Buffer.from(JSON.stringify(documents[url] ?? assert.fail(url)));
        return { status: 200, fields: new Fields(), body, trailers: undefined };
      },
      check: ({ reply }) => assert.equal(reply.status, 200),
    },
  ],
  wire: {
    title: "lets in who brings a token",
    options: { keys: [pem] },
    request: bearer(good()),
    check: ({ reply, sent }) => assert.deepEqual([reply.status, sent.length], [200, 1]),
  },
});

test("jwt: what was let in is let in until it expires, and no longer", async () => {
  const clock = testClock(NOW * 1_000);
  const config = { policies: [{ jwt: { keys: [pem], clockSkew: "10s" } }] };
  const gateway = memoryGateway({ policies: [jwt], config, clock });
  const written = good({ exp: NOW + 60, nbf: NOW + 5 });
  const reasonOf = async (): Promise<string | undefined> =>
    (await gateway.send(bearer(written))).exchange.outcome?.reason;
  assert.equal(await reasonOf(), undefined);
  clock.advance(69_999);
  assert.equal(await reasonOf(), undefined);
  clock.advance(1);
  assert.equal(await reasonOf(), "jwt_expired");
  assert.equal(await reasonOf(), "jwt_expired");
  gateway.close();
});

test("jwt: a token that was let in is refused once it is on the list of revoked ones", async () => {
  const folder = mkdtempSync(join(tmpdir(), "torana-revoked-"));
  const file = join(folder, "revoked.json");
  writeFileSync(file, "[]");
  const revoked = { file, every: "10ms" };
  const gateway = memoryGateway({
    policies: [jwt],
    config: { policies: [{ jwt: { keys: [pem], revoked } }] },
  });
  const reasons = async (...tokens: string[]): Promise<unknown[]> =>
    Promise.all(tokens.map(async (one) => (await gateway.send(bearer(one))).exchange.outcome?.reason));
  const tokens = [
    good({ jti: "1" }),
    good({ jti: "2" }),
    good({ sid: "s" }),
    good({ sub: "bob", iat: inSeconds(-100) }),
    good({ sub: "bob", iat: inSeconds(-10) }),
    good({ jti: "3" }),
  ];
  try {
    assert.deepEqual(await reasons(...tokens), Array(6).fill(undefined));
    const list = [
      { jti: "1" },
      { sid: "s", iss: "https://id.example" },
      { sub: "bob", before: inSeconds(-50) },
      { jti: "3", iss: "https://else.example" },
    ];
    writeFileSync(file, JSON.stringify(list));
    let now: unknown[] = [];
    for (let i = 0; i < 500 && now[0] === undefined; i++) {
      now = await reasons(...tokens);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const gone = "jwt_revoked";
    assert.deepEqual(await reasons(...tokens), [gone, undefined, gone, gone, undefined, undefined]);
  } finally {
    gateway.close();
    rmSync(folder, { recursive: true });
  }
});

test("jwt: a list of revoked tokens that cannot be had lets nobody in", async () => {
  const options = { keys: [pem], revoked: { url: "https://id.example/revoked" } };
  const outside = () => Promise.reject(new CallFailed("connect_failed", "id.example: ECONNREFUSED"));
  const { reply, exchange } = await runPolicy(jwt, options, bearer(good()), { outside });
  assert.deepEqual([reply.status, exchange.outcome?.reason], [503, "jwt_revocations_unavailable"]);
});
