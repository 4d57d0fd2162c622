import assert from "node:assert/strict";
import { test } from "node:test";
import { Seal } from "../identity/seal.ts";
import { type Session, Sessions } from "../identity/session.ts";
import { Fields } from "../lib/fields.ts";
import { CallFailed, type CallReply, type CallRequest } from "../pipeline/calls.ts";
import { describePolicy, memoryGateway, testClock } from "../testing/index.ts";
import { anyOf } from "./any-of.ts";
import { keyAuth } from "./key-auth.ts";
import { oidc } from "./oidc.ts";

const ISSUER = "https://login.example";
const SECRET = "a secret of at least thirty-two characters";
const OPTIONS = { issuer: ISSUER, clientId: "app", clientSecret: "hush", secret: SECRET };
const HTTPS = { "x-forwarded-proto": "https" };

describePolicy(oidc, {
  refused: [
    { options: {}, message: /issuer/ },
    { options: { ...OPTIONS, issuer: "login.example" }, message: /issuer/ },
    { options: { ...OPTIONS, issuer: "http://login.example" }, message: /plain http to another machine/ },
    { options: { ...OPTIONS, issuer: `${ISSUER}?a` }, message: /no query/ },
    { options: { ...OPTIONS, secret: "short" }, message: /too short to be a secret/ },
    { options: { ...OPTIONS, secret: [] }, message: /secret/ },
    { options: { ...OPTIONS, scopes: ["email"] }, message: /openid is missing/ },
    {
      options: { ...OPTIONS, parameters: { state: "x" } },
      message: /state is written by the gateway itself/,
    },
    { options: { ...OPTIONS, callback: "//evil.example" }, message: /callback: not a path/ },
    { options: { ...OPTIONS, logout: "/oidc/callback" }, message: /must be different paths/ },
    { options: { ...OPTIONS, afterLogin: "//evil.example" }, message: /not a path of this site/ },
    { options: { ...OPTIONS, afterLogout: "http://evil.example" }, message: /afterLogout/ },
    { options: { ...OPTIONS, afterLogout: "/oidc/logout" }, message: /leads to the logout again/ },
    {
      options: { ...OPTIONS, origin: "http://app.example" },
      message: /not an origin that cookies are safe with/,
    },
    { options: { ...OPTIONS, origin: "https://app.example/" }, message: /without a path/ },
    { options: { ...OPTIONS, forward: { access: "host" } }, message: /forward\.access/ },
    { options: { ...OPTIONS, service: "idp" }, message: /idp/ },
    { options: { ...OPTIONS, session: { cookie: "a b" } }, message: /not a name for a cookie/ },
    { options: { ...OPTIONS, anonymous: "nobody" }, message: /nobody/ },
    { options: { ...OPTIONS, session: { idle: 900 } }, message: /session: over before it begins/ },
    { options: { ...OPTIONS, loginTimeout: "0s" }, message: /loginTimeout: over before it begins/ },
    {
      options: { ...OPTIONS, claims: ["email"], consumerClaim: "org.name" },
      message: /claims: org is not among them/,
    },
  ],
  steps: [
    {
      title: "sends programs away with 401",
      options: OPTIONS,
      request: { fields: HTTPS },
      peer: { trusted: true },
      check({ reply, sent, exchange }) {
        assert.deepEqual([reply.status, sent.length], [401, 0]);
        assert.equal(exchange.outcome?.reason, "oidc_login_required");
      },
    },
    {
      title: "says that the provider cannot be asked",
      options: OPTIONS,
      request: { fields: { ...HTTPS, accept: "text/html" } },
      peer: { trusted: true },
      outside: () => Promise.reject(new CallFailed("connect_failed", "login.example: ECONNREFUSED")),
      check({ reply, exchange }) {
        assert.deepEqual([reply.status, exchange.outcome?.reason], [503, "oidc_provider_unavailable"]);
      },
    },
    {
      title: "does not log in over plain http",
      options: OPTIONS,
      check: ({ exchange }) => assert.equal(exchange.outcome?.reason, "oidc_https_required"),
    },
  ],
  wire: {
    title: "sends programs away",
    options: { ...OPTIONS, issuer: "http://127.0.0.1:1" },
    request: { host: "localhost" },
    check: ({ reply, sent }) => assert.deepEqual([reply.status, sent.length], [401, 0]),
  },
});

/** A person who is logged in, before a gateway whose clock is ours; `tokens` plays the token endpoint. */
function loggedIn(
  more: object,
  session: Partial<Session>,
  tokens?: (form: URLSearchParams) => CallReply,
  config: object = { policies: [{ oidc: { ...OPTIONS, ...more } }] },
) {
  const clock = testClock(Date.now());
  const asked: string[] = [];
  const outside = ({ to, body }: CallRequest): CallReply => {
    const url = "url" in to ? to.url : "";
    asked.push(url.slice(ISSUER.length));
    if (url.endsWith("/.well-known/openid-configuration"))
      return json(200, { issuer: ISSUER, token_endpoint: `${ISSUER}/token`, jwks_uri: `${ISSUER}/jwks` });
    if (tokens === undefined) throw new CallFailed("connect_failed", "nobody is there");
    return tokens(new URLSearchParams(String(body)));
  };
  const gateway = memoryGateway({
    policies: [oidc, anyOf, keyAuth],
    config,
    clock,
    outside,
    peer: { trusted: true },
  });
  const sessions = new Sessions(
    new Seal([SECRET], `${ISSUER}\0app\0torana`),
    { cookie: "torana", lifetime: 28_800_000, idle: 3_600_000, max: 12_000 },
    clock,
  );
  const now = clock.wall();
  const claims = { iss: ISSUER, sub: "alice", groups: ["staff"], nick: "al", app: { name: "al" } };
  const whole: Session = { id: "s", began: now, given: now, written: now, claims, ...session };
  let cookie = browserTold(sessions.write(whole, new Fields(), true)!);
  const send = async (fields: Record<string, string> = {}) => {
    const { reply, exchange, sent } = await gateway.send({ fields: { ...HTTPS, cookie, ...fields } });
    const set = reply.fields.all("set-cookie");
    if (set.length > 0) cookie = browserTold(set);
    const token = sent[0]?.fields.get("x-token");
    const { claims, consumer, credential, outcome } = exchange;
    return {
      status: reply.status,
      reason: outcome?.reason,
      set,
      token,
      claims,
      consumer: consumer?.name,
      credential,
      cookie: sent[0]?.fields.get("cookie"),
      fields: [...(sent[0]?.fields.entries() ?? [])],
    };
  };
  return { clock, gateway, asked, send, now };
}

const browserTold = (lines: readonly string[]): string =>
  lines.map((line) => line.replace(/;.*/, "")).join("; ");

function json(status: number, value: object): CallReply {
  return {
    status,
    fields: Fields.from({ "content-type": "application/json" }),
    body: Buffer.from(JSON.stringify(value)),
    trailers: undefined,
  };
}

test("a session gives claims, and is written again after a tenth of its idle time", async () => {
  const { clock, send, gateway } = loggedIn({}, {});
  const first = await send();
  assert.deepEqual([first.status, first.set], [200, []]);
  assert.deepEqual(first.claims, {
    iss: ISSUER,
    sub: "alice",
    groups: ["staff"],
    nick: "al",
    app: { name: "al" },
  });
  assert.throws(() => (first.claims!["groups"] as string[]).push("admins"), /not extensible/);
  clock.advance(361_000);
  const second = await send();
  assert.equal(second.set.length, 1);
  assert.match(second.set[0]!, /^__Host-torana=/);
  assert.deepEqual((await send()).set, []);
  clock.advance(3_500_000);
  assert.equal((await send()).status, 200, "idle since it was written again");
  clock.advance(3_601_000);
  const last = await send();
  assert.deepEqual([last.status, last.reason], [401, "oidc_session_expired"]);
  assert.match(last.set[0]!, /^__Host-torana=; Path=\/; Max-Age=0;/);
  gateway.close();
});

test("while the provider is down a token is used up to its end, and no longer", async () => {
  const begun = Date.now();
  const { clock, send, gateway } = loggedIn(
    { forward: { access: "x-token" } },
    { accessToken: "one", refreshToken: "r", accessEnds: begun + 300_000 },
  );
  clock.advance(200_000);
  assert.equal((await send()).token, "one");
  clock.advance(60_000);
  assert.deepEqual((await send()).token, "one", "it could not be renewed, but holds");
  clock.advance(60_000);
  const late = await send();
  assert.deepEqual([late.status, late.reason, late.set], [503, "oidc_provider_unavailable", []]);
  gateway.close();
});

test("without a refresh token a session outlives its access token only where nobody needs that", async () => {
  const ends = { accessToken: "one", accessEnds: Date.now() + 1_000 };
  const needed = loggedIn({ forward: { access: "x-token" } }, ends);
  needed.clock.advance(2_000);
  assert.equal((await needed.send()).reason, "oidc_session_expired");
  needed.gateway.close();
  const alone = loggedIn({}, ends);
  alone.clock.advance(2_000);
  assert.equal((await alone.send()).status, 200);
  alone.gateway.close();
});

test("a renewal keeps the refresh token where the provider gives no new one", async () => {
  const forms: string[] = [];
  const { clock, send, gateway } = loggedIn(
    { forward: { access: "x-token" } },
    { accessToken: "one", refreshToken: "r", accessEnds: Date.now() + 300_000 },
    (form) => {
      forms.push(form.get("refresh_token")!);
      return json(200, { access_token: `new${forms.length}`, token_type: "Bearer", expires_in: 300 });
    },
  );
  clock.advance(290_000);
  assert.equal((await send()).token, "new1");
  assert.equal((await send()).token, "new1");
  clock.advance(290_000);
  assert.equal((await send()).token, "new2");
  assert.deepEqual(forms, ["r", "r"]);
  gateway.close();
});

test("a refresh token that the provider takes no more ends the session", async () => {
  const { clock, send, gateway } = loggedIn({}, { refreshToken: "r", accessEnds: Date.now() + 1_000 }, () =>
    json(400, { error: "invalid_grant" }),
  );
  clock.advance(2_000);
  const gone = await send();
  assert.deepEqual([gone.status, gone.reason], [401, "oidc_session_expired"]);
  assert.match(gone.set[0]!, /Max-Age=0/);
  gateway.close();
});

const CONSUMERS = [
  { name: "al", groups: ["people"] },
  { name: "accounting", subjects: [{ issuer: ISSUER, subject: "alice" }] },
  { name: "elsewhere", subjects: [{ issuer: "https://other.example", subject: "alice" }] },
];

test("a person is a consumer by issuer and subject, or by a claim that names one", async () => {
  const as = async (more: object): Promise<[number, string | undefined]> => {
    const config = { consumers: CONSUMERS, policies: [{ oidc: { ...OPTIONS, ...more } }] };
    const { send, gateway } = loggedIn({}, {}, undefined, config);
    const { status, consumer } = await send();
    gateway.close();
    return [status, consumer];
  };
  assert.deepEqual(await as({}), [200, "accounting"]);
  assert.deepEqual(await as({ consumerClaim: "nick" }), [200, "al"]);
  assert.deepEqual(await as({ consumerClaim: "groups" }), [200, undefined]);
  assert.deepEqual(await as({ consumerClaim: "app.name" }), [200, "al"]);
  assert.deepEqual(await as({ consumerClaim: "sub", requireConsumer: true }), [403, undefined]);
});

test("whoever lets everybody through has nobody count as the anonymous consumer", async () => {
  const config = {
    consumers: [{ name: "guest" }],
    policies: [{ oidc: { ...OPTIONS, unauthenticated: "allow", anonymous: "guest" } }],
  };
  const { send, gateway } = loggedIn({}, {}, undefined, config);
  const { status, consumer } = await send({ cookie: "a=1" });
  assert.deepEqual([status, consumer], [200, "guest"]);
  gateway.close();
});

test("without its provider a session goes on that nobody needs a token of", async () => {
  const { clock, send, gateway } = loggedIn({}, { refreshToken: "r", accessEnds: Date.now() + 1_000 });
  clock.advance(2_000);
  const { status, claims } = await send();
  assert.deepEqual([status, claims?.["sub"]], [200, "alice"]);
  gateway.close();
});

test("a session from where no access token was needed does not do where one is", async () => {
  const { send, gateway } = loggedIn({ forward: { access: "x-token" } }, {});
  const { status, reason, set } = await send();
  assert.deepEqual([status, reason, set], [401, "oidc_session_expired", []]);
  gateway.close();
});

test("where nobody is asked, nobody says what the provider would have said", async () => {
  const outside = (): never => {
    throw new CallFailed("call_dry", "nobody is asked where nothing is served");
  };
  const gateway = memoryGateway({
    policies: [oidc],
    config: { policies: [{ oidc: OPTIONS }] },
    outside,
    peer: { trusted: true },
  });
  const { exchange } = await gateway.send({ fields: { ...HTTPS, accept: "text/html" } });
  assert.notEqual(exchange.outcome?.reason, "oidc_provider_unavailable");
  gateway.close();
});

test("beside other ways of asking, a session is one of them and its cookie never goes on", async () => {
  const methods = [{ "key-auth": {} }, { oidc: { ...OPTIONS, forward: { access: "x-token" } } }];
  const config = { consumers: CONSUMERS, policies: [{ "any-of": { methods } }] };
  const { send, gateway } = loggedIn({}, { accessToken: "one" }, undefined, config);
  const mine = { "x-token": "mine", x_token: "mine" };
  const { status, consumer, credential, token, cookie, fields } = await send(mine);
  assert.doesNotMatch(JSON.stringify(fields), /mine/);
  assert.deepEqual(
    [status, consumer, credential, token, cookie],
    [200, "accounting", "alice", "one", undefined],
  );
  assert.equal((await send({ "x-api-key": "wrong" })).status, 200);
  gateway.close();
});
