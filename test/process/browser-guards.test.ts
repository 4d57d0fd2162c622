import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { startBrowser, withoutBrowser } from "../support/browser.ts";
import { startGateway } from "../support/gateway.ts";
import { type Service, startService } from "../support/service.ts";

const skip = withoutBrowser();
let browser: Browser;

before(async () => {
  if (skip === false) browser = await startBrowser();
});
after(async () => {
  if (skip === false) await browser.close();
});

interface Stand extends AsyncDisposable {
  /** The site behind the gateway, and another one that is not. */
  readonly url: string;
  readonly other: string;
  readonly service: Service;
  readonly page: Page;
}

/** A site with the policies, and another site whose pages hold `html` with the site's address for `SITE`. */
async function stand(policies: readonly object[], html: string): Promise<Stand> {
  const service = await startService((_request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(`<p id="served">served</p>`);
  });
  const gateway = await startGateway({
    policies,
    routes: [{ name: "all", service: "main" }],
    services: { main: { endpoints: [service.url] } },
  });
  const url = `http://127.0.0.1:${gateway.port()}`;
  const others = await startService((_request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(html.replaceAll("SITE", url));
  });
  const context = await browser.newContext();
  const page = await context.newPage();
  const end = async (): Promise<void> => {
    await context.close();
    await gateway.stop();
    await Promise.all([service.stop(), others.stop()]);
  };
  const other = others.url.replace("127.0.0.1", "localhost");
  return { url, other, service, page, [Symbol.asyncDispose]: end };
}

const POSTED = 'fetch("/act", { method: "POST", headers: HEADERS }).then((r) => r.text())';

test("forms and scripts of another site change nothing, those of the site itself do", { skip }, async () => {
  const html = `<form id="f" method="post" action="SITE/act"><input name="sum" value="1"></form>`;
  await using at = await stand([{ csrf: {} }], html);
  const posts = (): number => at.service.seen.filter(({ method }) => method === "POST").length;
  await at.page.goto(at.other);
  await Promise.all([
    at.page.waitForURL(`${at.url}/act`),
    at.page.evaluate("document.getElementById('f').submit()"),
  ]);
  assert.match(await at.page.content(), /csrf_origin/);
  await at.page.goto(at.other);
  await at.page.evaluate(`fetch("${at.url}/act", { method: "POST", mode: "no-cors", body: "x" })`);
  assert.equal(posts(), 0);
  await at.page.goto(at.url);
  assert.match(await at.page.evaluate<string>(POSTED.replace("HEADERS", "{}")), /served/);
  assert.equal(posts(), 1);
});

test("a page of the site reads the token and sends it back", { skip }, async () => {
  await using at = await stand([{ csrf: { token: {} } }], "");
  await at.page.goto(at.url);
  assert.match(await at.page.evaluate<string>(POSTED.replace("HEADERS", "{}")), /csrf_token/);
  const token = `{ "x-csrf-token": /csrf-token=([^;]+)/.exec(document.cookie)[1] }`;
  assert.match(await at.page.evaluate<string>(POSTED.replace("HEADERS", token)), /served/);
});

test("another site cannot show the site's pages in a frame", { skip }, async () => {
  const html = `<iframe src="SITE/"></iframe>`;
  const shown = async (frames: string): Promise<boolean> => {
    await using at = await stand([{ "security-headers": { frames, resourcePolicy: false } }], html);
    await at.page.goto(at.other, { waitUntil: "networkidle" });
    const text = await at.page
      .frames()[1]!
      .evaluate<string>("document.body.innerText")
      .catch(() => "");
    return text.includes("served");
  };
  assert.equal(await shown("allow"), true);
  assert.equal(await shown("same-origin"), false);
  assert.equal(await shown("deny"), false);
});
