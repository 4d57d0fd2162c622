import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { startBrowser, withoutBrowser } from "../support/browser.ts";
import { CLIENT, type Issuer, startIssuer } from "../support/issuer.ts";
import { ProcessStage, type ToranaProcess } from "../support/process.ts";
import { type Service, startService } from "../support/service.ts";

const skip = withoutBrowser();
let browser: Browser;

before(async () => {
  if (skip === false) browser = await startBrowser();
});
after(async () => {
  if (skip === false) await browser.close();
});

const SECRET = "a secret of at least thirty-two characters";

interface Stand extends AsyncDisposable {
  readonly process: ToranaProcess;
  readonly url: string;
  readonly issuer: Issuer;
  readonly service: Service;
  readonly context: BrowserContext;
}

/** `torana run` with two workers and TLS, a provider on another site, and a browser of its own. */
async function stand(accessFor = 3_600): Promise<Stand> {
  const stage = new ProcessStage();
  const issuer = await startIssuer({ accessFor });
  const service = await startService((_request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(`<p id="served">served</p><a id="out" href="/oidc/logout">Log out</a>`);
  });
  const oidc = {
    issuer: issuer.url,
    clientId: CLIENT.id,
    clientSecret: CLIENT.secret,
    secret: SECRET,
    scopes: ["openid", "email"],
    forward: { access: "x-token" },
    afterLogout: "/bye",
  };
  const made = stage.start("cert", "dev", "--out", join(stage.folder, "certs"));
  assert.equal(await made.exit, 0, made.output);
  stage.write({
    workers: 2,
    admin: "127.0.0.1:0",
    listeners: [
      {
        name: "public",
        address: "127.0.0.1:0",
        tls: { certificates: [{ cert: "certs/localhost.pem", key: "certs/localhost.key" }] },
      },
    ],
    routes: [
      { name: "bye", match: { path: "/bye" }, service: "main" },
      { name: "all", policies: [{ oidc }], service: "main" },
    ],
    services: { main: { endpoints: [service.url] } },
  });
  const { port, process } = await stage.run();
  const url = `https://127.0.0.1:${port}`;
  issuer.redirects.add(`${url}/oidc/callback`).add(`${url}/bye`);
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const end = async (): Promise<void> => {
    await context.close();
    await stage[Symbol.asyncDispose]();
    await Promise.all([issuer.stop(), service.stop()]);
  };
  return { url, issuer, service, context, process, [Symbol.asyncDispose]: end };
}

async function logIn(page: Page, name: string): Promise<void> {
  await page.fill("input[name=login]", name);
  await page.click("#go");
  await page.waitForSelector("#served");
}

/** Status and first words of what a script of the page gets. */
function fetched(page: Page, path: string): Promise<[number, string]> {
  const script = `fetch(${JSON.stringify(path)}).then(async (r) => [r.status, (await r.text()).slice(0, 200)])`;
  return page.evaluate<[number, string]>(script);
}

test("a browser logs in, shows the page that was asked for, and asks no more in a second tab", {
  skip,
}, async () => {
  await using at = await stand();
  const page = await at.context.newPage();
  await page.goto(`${at.url}/orders?page=2`);
  assert.ok(page.url().startsWith(`${at.issuer.url}/login/`), page.url());
  await logIn(page, "alice");
  assert.equal(page.url(), `${at.url}/orders?page=2`);
  assert.equal(await page.evaluate<string>("document.cookie"), "", "scripts see no session");
  const cookies = await at.context.cookies(at.url);
  const names = cookies.map(({ name }) => name);
  assert.deepEqual(names, ["__Host-torana"]);
  const [{ secure, httpOnly, sameSite, path } = assert.fail()] = cookies;
  assert.deepEqual([secure, httpOnly, sameSite, path], [true, true, "Lax", "/"]);
  const second = await at.context.newPage();
  await second.goto(`${at.url}/again`);
  assert.equal(second.url(), `${at.url}/again`);
  assert.deepEqual(at.issuer.grants, ["authorization_code done"]);
  for (const { fields } of at.service.seen)
    for (const [name, value] of fields) assert.doesNotMatch(`${name}: ${value}`, /__Host-torana/);
});

test("two tabs that wait at the login both end where they wanted to go", { skip }, async () => {
  await using at = await stand();
  const [one, two] = [await at.context.newPage(), await at.context.newPage()];
  await one.goto(`${at.url}/one`);
  await two.goto(`${at.url}/two`);
  await logIn(two, "bob");
  await logIn(one, "bob");
  assert.deepEqual([one.url(), two.url()], [`${at.url}/one`, `${at.url}/two`]);
});

test("scripts of a page are told 401 where the session is gone", { skip }, async () => {
  await using at = await stand();
  const page = await at.context.newPage();
  await page.goto(at.url);
  await logIn(page, "carol");
  assert.deepEqual((await fetched(page, "/api"))[0], 200);
  await at.context.clearCookies();
  const [status, words] = await fetched(page, "/api");
  assert.equal(status, 401);
  assert.match(words, /"reason":"oidc_login_required"/);
});

test("tokens are renewed behind a page that many scripts of ask at once", { skip }, async () => {
  await using at = await stand(4);
  const page = await at.context.newPage();
  await page.goto(at.url);
  await logIn(page, "dave");
  const tokens = (): Set<string> =>
    new Set(
      at.service.seen.flatMap(({ fields }) => fields.flatMap(([n, v]) => (n === "x-token" ? [v] : []))),
    );
  assert.equal(tokens().size, 1);
  for (let round = 1; round <= 3; round++) {
    await sleep(3_200);
    const paths = Array.from({ length: 8 }, (_, nth) => `/api/${nth}`);
    const answers = await Promise.all(paths.map((path) => fetched(page, path)));
    assert.ok(answers.some(([status]) => status === 200));
    for (const [status, words] of answers)
      if (status !== 200) assert.match(`${status} ${words}`, /^503 .*oidc_busy/);
  }
  assert.ok(tokens().size > 1, "the service got new ones");
  assert.ok(!at.issuer.grants.includes("refresh_token refused"), at.issuer.grants.join());
});

test("a logout ends here and at the provider", { skip }, async () => {
  await using at = await stand();
  const page = await at.context.newPage();
  await page.goto(at.url);
  await logIn(page, "erin");
  await page.click("#out");
  await page.waitForSelector("#yes");
  assert.ok(page.url().startsWith(at.issuer.url), page.url());
  assert.deepEqual(await at.context.cookies(at.url), []);
  await page.click("#yes");
  await page.waitForURL(`${at.url}/bye`);
  await page.goto(at.url);
  assert.ok(page.url().startsWith(`${at.issuer.url}/login/`), page.url());
});

test("no secret, token or session is shown anywhere", { skip }, async () => {
  await using at = await stand();
  const page = await at.context.newPage();
  await page.goto(at.url);
  await logIn(page, "frank");
  const [{ value: session } = assert.fail()] = await at.context.cookies(at.url);
  await fetch(`${at.issuer.url}/token`, { method: "POST" });
  at.issuer.down = true;
  const broken = await at.context.newPage();
  await broken.goto(`${at.url}/oidc/callback?code=stolen-code&state=${"x".repeat(43)}`);
  assert.match(await broken.content(), /oidc_state/);
  const token = at.service.seen[0]!.fields.find(([name]) => name === "x-token")![1];
  const [, admin] = await at.process.says(/admin on port (\d+)/);
  const secrets = [CLIENT.secret, SECRET, token, session];
  for (const path of ["snapshot", "metrics", "routes", "workers", "explain?url=https://127.0.0.1/x"]) {
    const text = await (await fetch(`http://127.0.0.1:${admin}/${path}`)).text();
    for (const secret of secrets) assert.ok(!text.includes(secret), `/${path} shows ${secret.slice(0, 12)}`);
    if (path === "snapshot") assert.match(text, /"clientSecret":\s*"\*\*\*"/);
  }
  for (const secret of secrets) assert.ok(!at.process.output.includes(secret));
});
