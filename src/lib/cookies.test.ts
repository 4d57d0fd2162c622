import assert from "node:assert/strict";
import { test } from "node:test";
import { cookie, cookies, removeCookies, setCookie } from "./cookies.ts";
import { Fields } from "./fields.ts";

const sent = (...lines: string[]): Fields => Fields.from(lines.map((line) => ["cookie", line] as const));

test("a cookie is found by its whole name, wherever it stands", () => {
  const fields = sent("a=1; ab=2;b=3 ;  c = no; d=x=y", "e=5");
  const values = ["a", "ab", "b", "d", "e", "c", "x", ""].map((name) => cookie(fields, name));
  assert.deepEqual(values, ["1", "2", "3", "x=y", "5", undefined, undefined, undefined]);
  assert.equal(cookie(sent("a=1; a=2"), "a"), "1");
  assert.equal(cookie(new Fields(), "a"), undefined);
  assert.equal(cookie(sent("a"), "a"), undefined);
});

test("all cookies are listed in their order", () => {
  assert.deepEqual(cookies(sent("a=1; b=2", "noise; c=")), [
    ["a", "1"],
    ["b", "2"],
    ["c", ""],
  ]);
});

test("chosen cookies go, the others stay as they were", () => {
  const fields = sent("a=1; secret=x; b=2; noise", "secret.1=y; c=3");
  removeCookies(fields, (name) => name.startsWith("secret"));
  assert.deepEqual(fields.all("cookie"), ["a=1; b=2; noise; c=3"]);
  removeCookies(fields, (name) => name === "other");
  assert.deepEqual(fields.all("cookie"), ["a=1; b=2; noise; c=3"]);
  const only = sent("secret=x");
  removeCookies(only, () => true);
  assert.equal(only.has("cookie"), false);
});

test("a cookie is set for the whole host, hidden from scripts unless told otherwise", () => {
  assert.equal(
    setCookie("__Host-a", "v", { secure: true, maxAge: 60.9 }),
    "__Host-a=v; Path=/; Max-Age=60; SameSite=Lax; Secure; HttpOnly",
  );
  assert.equal(
    setCookie("a", "", { secure: false, maxAge: 0, scripts: true, sameSite: "Strict" }),
    "a=; Path=/; Max-Age=0; SameSite=Strict",
  );
});
