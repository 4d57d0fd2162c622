/** What issuers are asked, and which of their answers are believed. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Fields } from "../lib/fields.ts";
import type { Caller, CallReply, CallRequest } from "../pipeline/calls.ts";
import { discover } from "./discovery.ts";
import { maxAgeOf, safeJson } from "./fetched.ts";
import { shownUrl, urlProblem } from "./safe-url.ts";

function caller(answer: unknown, status = 200): Caller & { readonly asked: CallRequest[] } {
  const asked: CallRequest[] = [];
  const body = Buffer.from(typeof answer === "string" ? answer : JSON.stringify(answer));
  return {
    asked,
    call: async (request) => {
      asked.push(request);
      return { status, fields: new Fields(), body, trailers: undefined };
    },
  };
}

const OPTIONS = { timeout: 1_000, allowHttp: false };
const ISSUER = "https://id.example/tenant";

describe("discovery", () => {
  test("asks below the issuer's path and believes who calls itself just so", async () => {
    for (const issuer of [ISSUER, `${ISSUER}/`]) {
      const answers = caller({ issuer, jwks_uri: "https://keys.example/set" });
      const { jwks_uri } = await discover(answers, issuer, OPTIONS);
      assert.equal(jwks_uri, "https://keys.example/set");
      const [asked] = answers.asked;
      assert.deepEqual(asked?.to, { url: `${ISSUER}/.well-known/openid-configuration` });
      assert.equal(asked?.fields?.get("accept"), "application/json");
    }
  });

  test("believes nobody else, and tells nothing of the answer", async () => {
    const cases: [answer: unknown, message: RegExp, status?: number][] = [
      [{ issuer: `${ISSUER}/`, jwks_uri: "https://keys.example" }, /names another issuer/],
      [{ jwks_uri: "https://keys.example" }, /names another issuer/],
      [{ issuer: [ISSUER], jwks_uri: "https://keys.example" }, /names another issuer/],
      [{ issuer: ISSUER }, /no jwks_uri/],
      [{ issuer: ISSUER, jwks_uri: "http://keys.example" }, /jwks_uri: without TLS/],
      [{ issuer: ISSUER, jwks_uri: "file:///etc/passwd" }, /jwks_uri: not an http/],
      [{ issuer: ISSUER, jwks_uri: "https://a:b@keys.example" }, /jwks_uri: a URL with a user/],
      ["hush", /not JSON/],
      [["hush"], /not a JSON object/],
      ["null", /not a JSON object/],
      ["hush", /status 302/, 302],
    ];
    for (const [answer, message, status] of cases)
      await assert.rejects(discover(caller(answer, status), ISSUER, OPTIONS), (error: Error) => {
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /hush/);
        return true;
      });
  });
});

test("an answer says by Cache-Control how long it may be kept", async () => {
  const reply = (value: string | undefined): CallReply => ({
    status: 200,
    fields: value === undefined ? new Fields() : Fields.from({ "cache-control": value }),
    body: Buffer.from("{}"),
    trailers: undefined,
  });
  const cases: [value: string | undefined, milliseconds: number | undefined][] = [
    ["max-age=60", 60_000],
    ["public, Max-Age=0", 0],
    ['max-age="5", must-revalidate', 5_000],
    ["s-maxage=60", undefined],
    ["no-store", undefined],
    ["max-age=-1", undefined],
    ["max-age=99999999999999", undefined],
    [undefined, undefined],
  ];
  for (const [value, milliseconds] of cases)
    assert.equal(maxAgeOf(reply(value)), milliseconds, value ?? "none");
  const { document } = await safeJson(
    { call: async () => reply(undefined) },
    { to: { url: ISSUER }, timeout: 1 },
  );
  assert.deepEqual(document, {});
});

test("addresses of issuers have https, but on this machine", () => {
  const good = [
    "https://id.example/x",
    "http://localhost:8080",
    "http://127.0.0.1/",
    "http://127.9.9.9",
    "http://[::1]:1/",
  ];
  for (const url of good) assert.equal(urlProblem(url), undefined, url);
  const bad: [url: string, message: RegExp][] = [
    ["http://id.example", /without TLS/],
    ["http://localhost.example", /without TLS/],
    ["http://127.0.0.1.example", /without TLS/],
    ["http://10.0.0.1", /without TLS/],
    ["https://a@id.example", /a URL with a user/],
    ["ftp://id.example", /not an http/],
    ["id.example", /not an http/],
    ["", /not an http/],
  ];
  for (const [url, message] of bad) assert.match(urlProblem(url) ?? "", message, url);
  assert.equal(urlProblem("http://id.example", true), undefined);
  assert.equal(shownUrl("https://id.example/a?secret=1#x"), "https://id.example/a");
});
