import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { CLIENT, type Issuer, type IssuerOptions, startIssuer } from "../support/issuer.ts";
import { noRedis, RedisServer } from "../support/redis.ts";
import { type Service, startService } from "../support/service.ts";
import { type Page, Visitor } from "../support/visitor.ts";

const SECRET = "a secret of at least thirty-two characters";
const API = { accept: "application/json" };

let service: Service;

before(async () => {
  service = await startService((_request, response) => void response.end("served"));
});
after(() => service.stop());

/** A gateway with the policy before a service that answers "served"; its site is known to the provider. */
async function site(
  issuer: Pick<Issuer, "url" | "redirects">,
  more: object = {},
  config: object = {},
): Promise<Site> {
  const oidc = {
    issuer: issuer.url,
    clientId: CLIENT.id,
    clientSecret: CLIENT.secret,
    secret: SECRET,
    ...more,
  };
  const gateway = await startGateway({
    listeners: [{ name: "test", address: "127.0.0.1:0", trusted: ["127.0.0.1"] }],
    policies: [{ oidc }],
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.url] } },
    ...config,
  });
  const url = `http://127.0.0.1:${gateway.port()}`;
  issuer.redirects.add(`${url}/oidc/callback`);
  return { gateway, url, [Symbol.asyncDispose]: () => gateway.stop() };
}

interface Site extends AsyncDisposable {
  readonly gateway: TestGateway;
  readonly url: string;
}

/** Provider and gateway together. */
async function both(more: object = {}, options: IssuerOptions = {}): Promise<Site & { issuer: Issuer }> {
  const issuer = await startIssuer(options);
  const made = await site(issuer, more);
  const end = async (): Promise<void> => {
    await made.gateway.stop();
    await issuer.stop();
  };
  return { ...made, issuer, [Symbol.asyncDispose]: end };
}

const reasonOf = ({ status, text }: Page): unknown =>
  status < 400 ? undefined : (JSON.parse(text) as { reason: unknown }).reason;
const sessionOf = (visitor: Visitor, url: string): string | undefined => visitor.jar(url).get("torana");
const lastSeen = (name: string): string | undefined =>
  service.seen.at(-1)!.fields.find(([field]) => field.toLowerCase() === name)?.[1];

test("a person who opens a page logs in and gets that page", async () => {
  await using at = await both({
    scopes: ["openid", "email"],
    forward: { access: "authorization", id: "x-id" },
  });
  const visitor = new Visitor();
  visitor.jar(at.url).set("theme", "dark");
  const asked = await visitor.ask(`${at.url}/orders/7?page=2&q=%C3%A4`);
  assert.equal(asked.status, 302);
  assert.equal(asked.headers["cache-control"], "no-store");
  const to = new URL(String(asked.headers["location"]));
  assert.equal(to.origin, at.issuer.url);
  assert.equal(to.searchParams.get("code_challenge_method"), "S256");
  assert.equal(to.searchParams.get("redirect_uri"), `${at.url}/oidc/callback`);
  for (const name of ["state", "nonce", "code_challenge"])
    assert.match(to.searchParams.get(name) ?? "", /^[A-Za-z0-9_-]{43}$/, name);
  const page = await visitor.enter(`${at.url}/orders/7?page=2&q=%C3%A4`, "alice");
  assert.deepEqual([page.status, page.text, page.url], [200, "served", `${at.url}/orders/7?page=2&q=%C3%A4`]);
  const line = visitor.set.findLast((one) => one.startsWith("torana="))!;
  assert.match(line, /^torana=[A-Za-z0-9_-]+; Path=\/; Max-Age=3600; SameSite=Lax; HttpOnly$/);
  assert.match(lastSeen("authorization") ?? "", /^Bearer .+/);
  assert.match(lastSeen("x-id") ?? "", /^eyJ/);
  const sent = lastSeen("cookie") ?? "";
  assert.match(sent, /theme=dark/);
  assert.doesNotMatch(sent, /torana/);
  // What the client says itself of such fields is never believed, and the login's own cookie is gone.
  await visitor.ask(`${at.url}/`, { headers: { ...API, authorization: "Bearer mine", "x-id": "mine" } });
  assert.doesNotMatch(`${lastSeen("authorization")} ${lastSeen("x-id")}`, /mine/);
  assert.equal([...visitor.jar(at.url).keys()].filter((name) => name.includes("-login-")).length, 1);
  assert.deepEqual(at.issuer.grants, ["authorization_code done"]);
});

test("programs and scripts get 401 and a problem document, never a redirect", async () => {
  await using at = await both();
  const visitor = new Visitor();
  const page = { accept: "text/html" };
  const kinds: Record<string, string>[] = [
    API,
    { accept: "*/*" },
    {},
    { ...page, "sec-fetch-mode": "cors", "sec-fetch-dest": "empty" },
    { ...page, "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image" },
    { ...page, "x-requested-with": "XMLHttpRequest" },
    { ...page, "sec-fetch-mode": "navigate", "sec-purpose": "prefetch" },
  ];
  for (const headers of kinds) {
    const answer = await visitor.ask(`${at.url}/api`, { headers });
    assert.equal(answer.status, 401, JSON.stringify(headers));
    assert.match(String(answer.headers["content-type"]), /^application\/problem\+json/);
    assert.equal(reasonOf(answer), "oidc_login_required");
    assert.match(String(answer.headers["www-authenticate"]), /^Cookie /);
    assert.equal(answer.headers["set-cookie"], undefined);
  }
  const old = await visitor.ask(`${at.url}/`, { headers: page });
  assert.equal(old.status, 302, "a browser without Fetch Metadata");
});

test("a form that was sent before the login ends on a fixed page, asked by GET", async () => {
  await using at = await both({ afterLogin: "/welcome" });
  const visitor = new Visitor();
  const form = await visitor.submit({ url: `${at.url}/pay`, status: 0, headers: {}, text: "" }, { sum: "1" });
  assert.equal(form.status, 303);
  const login = await visitor.follow(form);
  const page = await visitor.follow(await visitor.submit(login, { login: "bob" }));
  assert.equal(page.url, `${at.url}/welcome`);
  assert.equal(service.seen.at(-1)!.method, "GET");
});

test("two tabs log in at once, each ends on its own page", async () => {
  await using at = await both();
  const visitor = new Visitor();
  const [one, two] = [await visitor.ask(`${at.url}/one`), await visitor.ask(`${at.url}/two`)];
  const form = await visitor.follow(one);
  const other = await visitor.follow(two);
  assert.equal((await visitor.follow(await visitor.submit(other, { login: "eve" }))).url, `${at.url}/two`);
  assert.equal((await visitor.follow(await visitor.submit(form, { login: "eve" }))).url, `${at.url}/one`);
  assert.ok(sessionOf(visitor, at.url));
});

test("a browser keeps only so many logins under way", async () => {
  await using at = await both();
  const visitor = new Visitor();
  for (let i = 0; i < 12; i++) await visitor.ask(`${at.url}/${i}`);
  assert.equal(visitor.jar(at.url).size, 6);
  assert.equal((await visitor.enter(`${at.url}/last`, "alice")).url, `${at.url}/last`);
});

test("a callback counts once, in the browser that began, with the state that it began with", async () => {
  await using at = await both();
  const isCallback = (url: string): boolean => url.includes("/oidc/callback");
  const visitor = new Visitor();
  const last = await visitor.enter(`${at.url}/`, "alice", isCallback);
  const callback = String(last.headers["location"]);
  const refused = async (who: Visitor, url: string, reason: string, status = 400): Promise<void> => {
    const answer = await who.ask(url);
    assert.deepEqual([answer.status, reasonOf(answer)], [status, reason], url);
    assert.equal(sessionOf(who, at.url), undefined);
  };
  // Whoever is lured to another's callback is not logged in as the other.
  await refused(new Visitor(), callback, "oidc_state");
  const changed = (name: string, value: string | undefined): string => {
    const url = new URL(callback);
    if (value === undefined) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
    return url.href;
  };
  const state = new URL(callback).searchParams.get("state")!;
  const jar = visitor.jar(at.url);
  const [name = "", sealed = ""] = [...jar].find(([one]) => one.includes("-login-")) ?? [];
  await refused(visitor, changed("state", undefined), "oidc_state");
  await refused(visitor, changed("state", ""), "oidc_state");
  await refused(visitor, changed("state", "x".repeat(43)), "oidc_state");
  await refused(visitor, changed("state", `${state.slice(0, 42)}!`), "oidc_state");
  await refused(visitor, changed("state", `${state.slice(0, 12)}${"A".repeat(31)}`), "oidc_state");
  // The same login's cookie under another name, with that login's own state: it was sealed for its state.
  jar.set(`torana-login-${"A".repeat(12)}`, sealed);
  await refused(visitor, changed("state", "A".repeat(43)), "oidc_state");
  jar.set(name, sealed);
  await refused(visitor, changed("iss", "https://other.example"), "oidc_answer_invalid", 502);
  jar.set(name, sealed);
  await refused(visitor, changed("code", "forged"), "oidc_grant_refused");
  jar.set(name, sealed);
  assert.equal((await visitor.ask(callback)).status, 303);
  assert.ok(sessionOf(visitor, at.url));
  const again = await visitor.ask(callback);
  assert.deepEqual([again.status, reasonOf(again)], [400, "oidc_state"]);
  jar.set(name, sealed);
  const replayed = await visitor.ask(callback);
  assert.deepEqual([replayed.status, reasonOf(replayed)], [400, "oidc_grant_refused"]);
});

test("what the provider refuses is told, and nobody is logged in", async () => {
  await using at = await both();
  const visitor = new Visitor();
  const form = await visitor.follow(await visitor.ask(`${at.url}/`));
  const answer = await visitor.follow(await visitor.submit(form, { cancel: "1" }));
  assert.deepEqual([answer.status, reasonOf(answer)], [403, "oidc_denied"]);
  assert.match(answer.text, /access_denied: the person said no/);
  assert.equal(visitor.jar(at.url).size, 0);
});

test("a wrong client secret is a failure of the site, and says no secret", async () => {
  await using at = await both({ clientSecret: "another-secret-that-is-wrong" });
  const answer = await new Visitor().enter(`${at.url}/`, "alice");
  assert.deepEqual([answer.status, reasonOf(answer)], [502, "oidc_exchange_failed"]);
  assert.doesNotMatch(answer.text, /another-secret/);
});

test("nobody is led to another site after a login", async () => {
  await using at = await both({ login: "/oidc/login", afterLogin: "/home" });
  const ends = async (start: string): Promise<string> => {
    const page = await new Visitor().enter(at.url + start, "alice");
    return page.url.slice(at.url.length);
  };
  const back = (to: string): string => `/oidc/login?return=${encodeURIComponent(to)}`;
  assert.equal(await ends(back("/cart?a=1")), "/cart?a=1");
  const elsewhere = [
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "https://evil.example/",
    "javascript:alert(1)",
    "evil.example",
    "/a\\b",
    "",
    "/oidc/callback?code=1",
    "/oidc/logout",
    "/oidc/login?return=/x",
    `/${"long".repeat(1_000)}`,
  ];
  for (const to of elsewhere) assert.equal(await ends(back(to)), "/home", to);
  assert.equal(await ends("//evil.example/x"), "/evil.example/x");
  const broken = await ends(back("/a\r\nset-cookie: x=1"));
  assert.equal(broken, "/a%0D%0Aset-cookie:%20x=1");
});

test("a session that was changed, cut or made elsewhere is nobody's", async () => {
  await using at = await both();
  const visitor = new Visitor();
  await visitor.enter(`${at.url}/`, "alice");
  const jar = visitor.jar(at.url);
  const good = sessionOf(visitor, at.url)!;
  const api = async (): Promise<Page> => visitor.ask(`${at.url}/`, { headers: API });
  assert.equal((await api()).status, 200);
  const flipped = (at: number): string =>
    good.slice(0, at) + (good[at] === "A" ? "B" : "A") + good.slice(at + 1);
  for (const bad of [
    flipped(2),
    flipped(60),
    flipped(good.length - 3),
    good.slice(0, -4),
    "x",
    "2.x",
    `9.${good}`,
  ]) {
    jar.set("torana", bad);
    const answer = await api();
    assert.deepEqual([answer.status, reasonOf(answer)], [401, "oidc_session_invalid"], bad.slice(0, 20));
    assert.equal(sessionOf(visitor, at.url), undefined, "it is taken away");
  }
  jar.set("torana", "x");
  assert.equal((await visitor.ask(`${at.url}/`)).status, 302);
  const login = [...jar].find(([name]) => name.includes("-login-"))!;
  jar.set("torana", login[1]);
  assert.equal((await api()).status, 401, "a login under way is no session");
  jar.set("torana", good);
  assert.equal((await api()).status, 200);
});

test("gateways with one secret share sessions, and a secret is changed without a logout", async () => {
  await using issuer = await startIssuer();
  const NEXT = "another secret of at least thirty-two characters";
  await using one = await site(issuer);
  await using two = await site(issuer, { secret: [NEXT, SECRET] });
  await using three = await site(issuer, { secret: NEXT });
  const visitor = new Visitor();
  await visitor.enter(`${one.url}/`, "alice");
  const status = async (url: string, session: string): Promise<number> => {
    visitor.jar(url).set("torana", session);
    return (await visitor.ask(url, { headers: API })).status;
  };
  const before = sessionOf(visitor, one.url)!;
  assert.equal(await status(three.url, before), 401);
  assert.equal(await status(two.url, before), 200);
  const since = sessionOf(visitor, two.url)!;
  assert.notEqual(since, before, "it is sealed by the new secret at once");
  assert.equal(await status(three.url, since), 200);
  assert.equal(await status(one.url, since), 401);
});

test("an access token is renewed before its end, once for all who ask", async () => {
  await using at = await both({ forward: { access: "x-token" } }, { accessFor: 4 });
  const visitor = new Visitor();
  await visitor.enter(`${at.url}/`, "alice");
  const first = lastSeen("x-token")!;
  const before = sessionOf(visitor, at.url)!;
  await sleep(3_100);
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => visitor.ask(`${at.url}/`, { headers: API })),
  );
  for (const answer of answers) assert.equal(answer.status, 200);
  assert.deepEqual(at.issuer.grants, ["authorization_code done", "refresh_token done"]);
  assert.notEqual(lastSeen("x-token"), first);
  const since = sessionOf(visitor, at.url)!;
  assert.notEqual(since, before);
  // Who was on the way with the old session is served by the new tokens, without another renewal.
  visitor.jar(at.url).set("torana", before);
  assert.equal((await visitor.ask(`${at.url}/`, { headers: API })).status, 200);
  assert.equal(at.issuer.grants.length, 2);
  await sleep(3_100);
  assert.equal((await visitor.ask(`${at.url}/`, { headers: API })).status, 200);
  assert.deepEqual(at.issuer.grants.slice(2), ["refresh_token done"], "the next token of the rotation");
});

test("gateways with one Redis renew a session once", { skip: noRedis }, async () => {
  await using redis = await RedisServer.start();
  await using issuer = await startIssuer({ accessFor: 2 });
  const stores = { shared: { redis: { urls: [redis.url] } } };
  const options = { store: "shared", forward: { access: "x-token" } };
  await using one = await site(issuer, options, { stores });
  await using two = await site(issuer, options, { stores });
  const visitor = new Visitor();
  await visitor.enter(`${one.url}/`, "alice");
  const session = sessionOf(visitor, one.url)!;
  await sleep(1_600);
  const visitors = Array.from({ length: 12 }, (_, nth) => {
    const visit = new Visitor();
    const { url } = nth % 2 === 0 ? one : two;
    visit.jar(url).set("torana", session);
    return visit.ask(url, { headers: API });
  });
  for (const answer of await Promise.all(visitors))
    assert.match(`${answer.status} ${reasonOf(answer)}`, /^200 |^503 oidc_busy$/);
  assert.deepEqual(issuer.grants, ["authorization_code done", "refresh_token done"]);
});

test("who may not renew must log in again; while nobody can be asked the session stays", async () => {
  await using at = await both({ forward: { access: "x-token" } }, { accessFor: 1 });
  const visitor = new Visitor();
  await visitor.enter(`${at.url}/`, "alice");
  await at.issuer.stop();
  await sleep(1_100);
  const down = await visitor.ask(`${at.url}/`, { headers: API });
  assert.deepEqual([down.status, reasonOf(down)], [503, "oidc_provider_unavailable"]);
  assert.ok(sessionOf(visitor, at.url));
  // A provider that lost its memory: the refresh token is none of its own.
  await using _again = await startIssuer({ port: Number(new URL(at.issuer.url).port) });
  let gone = down;
  for (let tries = 0; gone.status === 503 && tries < 100; tries++) {
    await sleep(100);
    gone = await visitor.ask(`${at.url}/`, { headers: API });
  }
  assert.deepEqual([gone.status, reasonOf(gone)], [401, "oidc_session_expired"]);
  assert.equal(sessionOf(visitor, at.url), undefined);
  assert.equal((await visitor.ask(`${at.url}/`)).status, 302);
});

test("a logout ends the session here and at the provider", async () => {
  await using at = await both({ afterLogout: "/bye" });
  at.issuer.redirects.add(`${at.url}/bye`);
  const visitor = new Visitor();
  await visitor.enter(`${at.url}/`, "alice");
  const foreign = await visitor.ask(`${at.url}/oidc/logout`, {
    headers: { accept: "text/html", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" },
  });
  assert.deepEqual([foreign.status, reasonOf(foreign)], [403, "oidc_logout_refused"]);
  const ahead = await visitor.ask(`${at.url}/oidc/logout`, { headers: { "sec-purpose": "prefetch" } });
  assert.equal(ahead.status, 403);
  assert.ok(sessionOf(visitor, at.url));
  const answer = await visitor.ask(`${at.url}/oidc/logout`);
  assert.equal(answer.status, 303);
  assert.equal(sessionOf(visitor, at.url), undefined);
  const end = new URL(String(answer.headers["location"]));
  assert.equal(end.origin + end.pathname, `${at.issuer.url}/session/end`);
  assert.match(end.searchParams.get("id_token_hint") ?? "", /^eyJ/);
  const form = await visitor.follow(answer);
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(form.text)![1]!;
  const action = /action="([^"]+)"/.exec(form.text)![1]!;
  const gone = await visitor.submit(
    { ...form, url: new URL(action, form.url).href },
    { xsrf, logout: "yes" },
  );
  assert.equal(gone.headers["location"], `${at.url}/bye`);
  const asked = await visitor.follow(await visitor.ask(`${at.url}/`));
  assert.match(asked.url, /\/login\//, "the provider asks who it is again");
});

test("a script that logs out gets no redirect; who is not logged in is led home", async () => {
  await using at = await both({ afterLogout: "/bye" });
  const visitor = new Visitor();
  await visitor.enter(`${at.url}/`, "alice");
  const answer = await visitor.ask(`${at.url}/oidc/logout`, { method: "POST", headers: API });
  assert.equal(answer.status, 204);
  assert.equal(sessionOf(visitor, at.url), undefined);
  const home = await visitor.ask(`${at.url}/oidc/logout`);
  assert.deepEqual([home.status, home.headers["location"]], [303, `${at.url}/bye`]);
});

test("a provider that is down when the gateway starts is found once it is there", async () => {
  const taken = await startIssuer();
  const port = Number(new URL(taken.url).port);
  await taken.stop();
  await using at = await site({ url: `http://localhost:${port}`, redirects: new Set() });
  const visitor = new Visitor();
  const down = await visitor.ask(`${at.url}/`);
  assert.deepEqual([down.status, reasonOf(down)], [503, "oidc_provider_unavailable"]);
  assert.equal((await visitor.ask(`${at.url}/`, { headers: API })).status, 401);
  await using issuer = await startIssuer({ port });
  issuer.redirects.add(`${at.url}/oidc/callback`);
  let asked = await visitor.ask(`${at.url}/`);
  for (let tries = 0; asked.status === 503 && tries < 100; tries++) {
    await sleep(100);
    asked = await visitor.ask(`${at.url}/`);
  }
  assert.equal((await visitor.enter(`${at.url}/x`, "alice")).url, `${at.url}/x`);
  assert.equal(issuer.count("GET /.well-known/openid-configuration"), 1);
});

test("a provider that names another issuer is not believed", async () => {
  await using issuer = await startIssuer({ host: "localhost" });
  const other = { url: issuer.url.replace("localhost", "127.0.0.1"), redirects: issuer.redirects };
  await using at = await site(other);
  const answer = await new Visitor().ask(`${at.url}/`);
  assert.deepEqual([answer.status, reasonOf(answer)], [502, "oidc_answer_invalid"]);
});

test("over https cookies are the host's alone; plain http to another machine is refused", async () => {
  await using at = await both();
  const host = new URL(at.url).host;
  const page = { accept: "text/html", "x-forwarded-proto": "https" };
  const visitor = new Visitor();
  const asked = await visitor.ask(`${at.url}/`, { headers: page });
  assert.match(
    String(asked.headers["set-cookie"]),
    /^__Host-torana-login-[^;]+; Path=\/; .*; Secure; HttpOnly$/,
  );
  const to = new URL(String(asked.headers["location"]));
  assert.equal(to.searchParams.get("redirect_uri"), `https://${host}/oidc/callback`);
  const plain = await visitor.ask(`${at.url}/`, { headers: { accept: "text/html", host: "app.example" } });
  assert.deepEqual([plain.status, reasonOf(plain)], [403, "oidc_https_required"]);
  await using named = await site(at.issuer, { origin: "https://app.example" });
  const there = await visitor.ask(`${named.url}/`, { headers: { accept: "text/html", host: "app.example" } });
  const redirect = new URL(String(there.headers["location"])).searchParams.get("redirect_uri");
  assert.equal(redirect, "https://app.example/oidc/callback");
});

test("who is not logged in goes on or is refused, as the config says", async () => {
  await using issuer = await startIssuer();
  await using open = await site(issuer, { unauthenticated: "allow", login: "/login" });
  const visitor = new Visitor();
  assert.equal((await visitor.ask(`${open.url}/`)).text, "served");
  visitor.jar(open.url).set("torana", "stale");
  assert.equal((await visitor.ask(`${open.url}/`)).text, "served");
  assert.equal(lastSeen("cookie"), undefined);
  assert.equal((await visitor.enter(`${open.url}/login`, "alice")).text, "served");
  assert.ok(sessionOf(visitor, open.url));
  await using closed = await site(issuer, { unauthenticated: "refuse" });
  assert.equal((await visitor.ask(`${closed.url}/`)).status, 401);
  await using lax = await site(issuer, { optional: true });
  assert.equal((await new Visitor().ask(`${lax.url}/`)).text, "served");
  const plain = { accept: "text/html", host: "app.example" };
  for (const { url } of [open, lax])
    assert.equal((await new Visitor().ask(url, { headers: plain })).text, "served", "no login over http");
  await using strict = await site(issuer, { requireConsumer: true });
  const nobody = await new Visitor().enter(`${strict.url}/`, "alice");
  assert.deepEqual([nobody.status, reasonOf(nobody)], [403, "oidc_consumer_unknown"]);
});
