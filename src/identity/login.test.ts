import assert from "node:assert/strict";
import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { test } from "node:test";
import { Fields } from "../lib/fields.ts";
import type { Caller, CallRequest } from "../pipeline/calls.ts";
import { testClock } from "../testing/index.ts";
import { Login, type LoginClient, type LoginDone } from "./login.ts";
import { LoginFailed } from "./login-failed.ts";
import { Provider } from "./provider.ts";
import { Seal } from "./seal.ts";

const ISSUER = "https://login.example/realm";
const REDIRECT = "https://app.example/oidc/callback";
const CLIENT: LoginClient = {
  id: "app",
  secret: "hush:%",
  auth: "basic",
  scopes: ["openid", "email"],
  parameters: { prompt: "login" },
  skew: 5,
  userInfo: false,
};
const [OURS, OTHERS] = [rsa(), rsa()];

function rsa(): KeyObject {
  return generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
}

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

function signed(header: object, claims: object, key: KeyObject = OURS): string {
  const text = `${part(header)}.${part(claims)}`;
  return `${text}.${sign("sha256", Buffer.from(text), key).toString("base64url")}`;
}

interface Answer {
  readonly status?: number;
  readonly type?: string;
  readonly body: unknown;
}

/** A provider of our own making, whose answers are what a test wants; and a browser that comes back from it. */
class Stand {
  readonly asked: CallRequest[] = [];
  readonly told: string[] = [];
  readonly provider: Provider;
  readonly login: Login;
  readonly clock = testClock(Date.now());
  cookies = "";
  /** Changes what the ID token says; undefined takes a claim away. */
  claims: Record<string, unknown> = {};
  /** Makes the ID token. */
  token: (claims: object) => string = (claims) => signed({ alg: "RS256", kid: "k" }, claims);
  answer: ((given: object) => Answer) | undefined = undefined;
  metadata: object = {};
  /** The key that it publishes, and its name. */
  key: KeyObject = OURS;
  kid = "k";
  userInfo: Answer = { body: { sub: "alice", phone: "1" } };
  #nonce = "";

  constructor(client: Partial<LoginClient> = {}, service?: string) {
    const caller: Caller = { call: async (request) => this.#answerTo(request) };
    const { clock } = this;
    const tell = (line: string): number => this.told.push(line);
    this.provider = new Provider(
      { issuer: ISSUER, service, timeout: 1_000, insecure: false, tell },
      caller,
      clock,
    );
    const seal = new Seal(["a secret of at least thirty-two characters"], "test");
    this.login = new Login(this.provider, { ...CLIENT, ...client }, seal, "torana", 600_000, clock);
  }

  async go(): Promise<LoginDone> {
    const begun = await this.login.begin(REDIRECT, "/page", new Fields(), true);
    const asked = new URL(begun.location);
    this.#nonce = asked.searchParams.get("nonce") ?? this.#pushed().get("nonce")!;
    const state = asked.searchParams.get("state") ?? this.#pushed().get("state")!;
    this.cookies = begun.cookies.map((line) => line.replace(/;.*/, "")).join("; ");
    const fields = Fields.from({ cookie: this.cookies });
    return this.login.finish(`?code=c&state=${state}`, fields, REDIRECT, true);
  }

  /** What was sent to an endpoint last. */
  form(path: string): URLSearchParams {
    const found = this.asked.findLast(({ to }) => ("url" in to ? to.url : to.path).includes(path));
    return new URLSearchParams(String(found?.body));
  }

  #pushed(): URLSearchParams {
    return this.form("/par");
  }

  #answerTo(request: CallRequest): { status: number; fields: Fields; body: Buffer; trailers: undefined } {
    this.asked.push(request);
    const { to } = request;
    const path = "url" in to ? to.url.slice(ISSUER.length) : to.path.slice("/realm".length);
    const { status = 200, type = "application/json", body } = this.#pick(path);
    const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
    return { status, fields: Fields.from({ "content-type": type }), body: bytes, trailers: undefined };
  }

  #pick(path: string): Answer {
    if (path === "/.well-known/openid-configuration")
      return {
        body: {
          issuer: ISSUER,
          authorization_endpoint: `${ISSUER}/auth?tenant=1`,
          token_endpoint: `${ISSUER}/token`,
          userinfo_endpoint: `${ISSUER}/me`,
          jwks_uri: `${ISSUER}/jwks`,
          pushed_authorization_request_endpoint: `${ISSUER}/par`,
          id_token_signing_alg_values_supported: ["RS256"],
          ...this.metadata,
        },
      };
    if (path === "/jwks")
      return {
        body: {
          keys: [{ ...createPublicKey(this.key).export({ format: "jwk" }), kid: this.kid, use: "sig" }],
        },
      };
    if (path === "/par") return { status: 201, body: { request_uri: "urn:par:1", expires_in: 60 } };
    if (path === "/me") return this.userInfo;
    const now = Math.floor(Date.now() / 1_000);
    const claims = { iss: ISSUER, sub: "alice", aud: "app", iat: now, exp: now + 300, nonce: this.#nonce };
    const said = Object.entries({ ...claims, ...this.claims }).filter(([, value]) => value !== undefined);
    const id_token = this.token(Object.fromEntries(said));
    const given = {
      access_token: "at",
      token_type: "Bearer",
      expires_in: 300,
      refresh_token: "rt",
      id_token,
    };
    return this.answer?.(given) ?? { body: given };
  }
}

async function failureOf(stand: Stand): Promise<string> {
  const error = await stand.go().then(
    () => undefined,
    (failure: unknown) => failure,
  );
  if (!(error instanceof LoginFailed)) throw new Error(`it should have failed by a reason: ${String(error)}`);
  assert.doesNotMatch(`${error.detail}`, /hush|eyJ/);
  return error.code;
}

test("a login gives tokens, claims and the page that was asked for", async () => {
  const stand = new Stand();
  const { tokens, returnTo } = await stand.go();
  assert.equal(returnTo, "/page");
  assert.deepEqual([tokens.access, tokens.refresh], ["at", "rt"]);
  assert.equal(tokens.claims?.["sub"], "alice");
  const form = stand.form("/token");
  assert.equal(form.get("grant_type"), "authorization_code");
  assert.match(form.get("code_verifier") ?? "", /^[A-Za-z0-9_-]{43}$/);
  assert.equal(form.get("redirect_uri"), REDIRECT);
  assert.equal(form.get("client_secret"), null);
  const { fields } = stand.asked.find(({ method }) => method === "POST")!;
  const basic = `Basic ${Buffer.from("app:hush%3A%25").toString("base64")}`;
  assert.equal(fields?.get("authorization"), basic);
});

test("what the authorization request says is the gateway's own word", async () => {
  const stand = new Stand();
  const { location } = await stand.login.begin(REDIRECT, "/", new Fields(), true);
  const { origin, pathname, searchParams } = new URL(location);
  assert.equal(origin + pathname, `${ISSUER}/auth`);
  const said = Object.fromEntries(searchParams);
  assert.deepEqual([said["tenant"], said["prompt"], said["scope"]], ["1", "login", "openid email"]);
  assert.deepEqual([said["response_type"], said["code_challenge_method"]], ["code", "S256"]);
});

type Forgery = Partial<Pick<Stand, "token" | "claims" | "answer" | "metadata">>;

const headed =
  (header: object, key = OURS) =>
  (claims: object): string =>
    signed({ kid: "k", ...header }, claims, key);

const shared =
  (secret: string | Buffer) =>
  (claims: object): string => {
    const text = `${part({ alg: "HS256", kid: "k" })}.${part(claims)}`;
    return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
  };

function changed(claims: object): string {
  const [head, , signature] = headed({ alg: "RS256" })(claims).split(".");
  return `${head}.${part({ ...claims, sub: "admin" })}.${signature}`;
}

const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1_000) + seconds;
const withShared = { id_token_signing_alg_values_supported: ["RS256", "HS256"] };
const publicPem = createPublicKey(OURS).export({ format: "pem", type: "spki" });

/** ID tokens that prove nothing. */
const FORGED: Readonly<Record<string, Forgery>> = {
  "no signature": { token: (claims) => `${part({ alg: "none" })}.${part(claims)}.` },
  "another's key": { token: headed({ alg: "RS256" }, OTHERS) },
  "an unknown key": { token: headed({ alg: "RS256", kid: "z" }, OTHERS) },
  "another algorithm": { token: headed({ alg: "RS512" }) },
  "the public key as a shared secret": { metadata: withShared, token: shared(publicPem) },
  "the client's secret as a shared one": { metadata: withShared, token: shared("hush:%") },
  "a changed payload": { token: changed },
  "a header that demands more": { token: headed({ alg: "RS256", crit: ["x"], x: 1 }) },
  "another nonce": { claims: { nonce: "other" } },
  "no nonce": { claims: { nonce: undefined } },
  "another issuer": { claims: { iss: "https://evil.example" } },
  "another audience": { claims: { aud: "other" } },
  "several audiences without a party": { claims: { aud: ["app", "other"] } },
  "another party": { claims: { aud: ["app", "other"], azp: "other" } },
  "its end passed": { claims: { exp: inSeconds(-60) } },
  "an end that is no number": { claims: { exp: "tomorrow" } },
  "no end": { claims: { exp: undefined } },
  "no subject": { claims: { sub: undefined } },
  "a subject that is no text": { claims: { sub: 7 } },
  "not yet valid": { claims: { nbf: inSeconds(60) } },
  "no token at all": { answer: (given) => ({ body: { ...given, id_token: undefined } }) },
  "no JWT": { token: () => "opaque" },
};

for (const [title, forgery] of Object.entries(FORGED))
  test(`an ID token is refused: ${title}`, async () => {
    const stand = Object.assign(new Stand(), forgery);
    assert.equal(await failureOf(stand), "oidc_answer_invalid");
  });

/** Answers of a token endpoint that give nothing. */
const USELESS: readonly [title: string, answer: Answer, code: string][] = [
  ["the code is refused", { status: 400, body: { error: "invalid_grant" } }, "oidc_grant_refused"],
  ["the client is refused", { status: 401, body: { error: "invalid_client" } }, "oidc_exchange_failed"],
  ["it fails", { status: 500, body: { error: "oops" } }, "oidc_provider_unavailable"],
  ["a page instead of JSON", { type: "text/html", body: "<p>hello" }, "oidc_answer_invalid"],
  ["broken JSON", { body: "{" }, "oidc_answer_invalid"],
  ["no access token", { body: { token_type: "Bearer" } }, "oidc_answer_invalid"],
  ["another kind of token", { body: { access_token: "a", token_type: "mac" } }, "oidc_answer_invalid"],
  ["a redirect", { status: 302, body: "" }, "oidc_answer_invalid"],
];

for (const [title, answer, code] of USELESS)
  test(`a token endpoint gives nothing: ${title}`, async () => {
    const stand = new Stand();
    stand.answer = () => answer;
    assert.equal(await failureOf(stand), code);
  });

test("metadata must be of the issuer, with addresses that are safe", async () => {
  const cases: object[] = [
    { issuer: "https://login.example" },
    { issuer: `${ISSUER}/` },
    { authorization_endpoint: "http://login.example/auth" },
    { authorization_endpoint: "javascript:alert(1)" },
    { authorization_endpoint: undefined },
    { token_endpoint: "http://login.example/token" },
    { jwks_uri: "http://login.example/jwks" },
  ];
  for (const metadata of cases) {
    const stand = new Stand();
    stand.metadata = metadata;
    assert.equal(await failureOf(stand), "oidc_answer_invalid", JSON.stringify(metadata));
  }
});

test("a provider that cannot be asked is told of once, and when it is back; meanwhile it is left alone", async () => {
  const stand = new Stand();
  stand.metadata = { issuer: "https://other.example" };
  for (let i = 0; i < 5; i++) await failureOf(stand);
  assert.equal(stand.asked.length, 1);
  for (const wait of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
    stand.clock.advance(wait - 1);
    await failureOf(stand);
    const before: number = stand.asked.length;
    stand.clock.advance(1);
    await failureOf(stand);
    assert.equal(stand.asked.length, before + 1, `after ${wait} ms`);
  }
  stand.metadata = {};
  stand.clock.advance(30_000);
  await stand.go();
  assert.equal(stand.told.length, 2);
  assert.match(stand.told[0]!, /^oidc: https:\/\/login\.example\/realm cannot be asked who it is: .*issuer/);
  assert.match(stand.told[1]!, /says again/);
});

test("UserInfo adds claims of the same person, and never replaces what was proven", async () => {
  const stand = new Stand({ userInfo: true });
  stand.userInfo = { body: { sub: "alice", phone: "1", iss: "https://evil.example" } };
  const { tokens } = await stand.go();
  assert.deepEqual([tokens.claims?.["phone"], tokens.claims?.["iss"]], ["1", ISSUER]);
  const other = new Stand({ userInfo: true });
  other.userInfo = { body: { sub: "bob" } };
  assert.equal(await failureOf(other), "oidc_answer_invalid");
});

test("the secret is sent in the form, or not at all, where the config says so", async () => {
  const post = new Stand({ auth: "post" });
  await post.go();
  assert.equal(post.form("/token").get("client_secret"), "hush:%");
  const open = new Stand({ secret: undefined });
  await open.go();
  assert.equal(open.form("/token").get("client_id"), "app");
  assert.equal(open.asked.at(-2)?.fields?.has("authorization"), false);
});

test("a provider that insists gets the parameters pushed", async () => {
  const stand = new Stand();
  stand.metadata = { require_pushed_authorization_requests: true };
  assert.equal((await stand.go()).returnTo, "/page");
  const { location } = await stand.login.begin(REDIRECT, "/", new Fields(), true);
  const said = [...new URL(location).searchParams.keys()];
  assert.deepEqual(said, ["tenant", "client_id", "request_uri"]);
});

test("a provider may be asked by a service of the config", async () => {
  const stand = new Stand({}, "idp");
  await stand.go();
  for (const { to, authority } of stand.asked) {
    assert.ok("service" in to && to.service === "idp");
    assert.equal(authority, "login.example");
  }
});

test("a renewal must be of the same person", async () => {
  const stand = new Stand();
  stand.claims = { nonce: undefined };
  assert.equal((await stand.login.renew("rt", "alice")).access, "at");
  await assert.rejects(stand.login.renew("rt", "bob"), { code: "oidc_answer_invalid" });
});

test("metadata and keys are asked for once", async () => {
  const stand = new Stand();
  await stand.go();
  await stand.go();
  const paths = stand.asked.map(({ to }) => ("url" in to ? to.url.slice(ISSUER.length) : ""));
  for (const path of ["/.well-known/openid-configuration", "/jwks"])
    assert.equal(paths.filter((one) => one === path).length, 1, path);
});

test("a new key at the provider proves tokens at once, under a new name or the old one", async () => {
  const stand = new Stand();
  const fetches = (): number =>
    stand.asked.filter(({ to }) => "url" in to && to.url.endsWith("/jwks")).length;
  await stand.go();
  Object.assign(stand, { key: OTHERS, kid: "next", token: headed({ alg: "RS256", kid: "next" }, OTHERS) });
  await stand.go();
  await stand.go();
  assert.equal(fetches(), 2);
  stand.token = headed({ alg: "RS256" });
  assert.equal(await failureOf(stand), "oidc_answer_invalid", "the key that is gone");
  assert.equal(fetches(), 2, "not asked for keys all the time");
  stand.clock.advance(10_000);
  Object.assign(stand, { key: OURS, token: headed({ alg: "RS256", kid: "next" }) });
  await stand.go();
  assert.equal(fetches(), 3);
});
