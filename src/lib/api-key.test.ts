import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { checkKey, createKey, hashKey, KEY_TEXT, readHash, writtenHash } from "./api-key.ts";

test("keys are their prefix, 256 bits and a checksum, and no two are the same", () => {
  const keys = new Set(Array.from({ length: 1_000 }, () => createKey("shop_live")));
  assert.equal(keys.size, 1_000);
  for (const key of keys) {
    assert.match(key, /^shop_live_[0-9A-Za-z]{49}$/);
    assert.match(key, KEY_TEXT);
    assert.equal(checkKey(key), "ours");
  }
});

test("every digit of the 256 bits differs between keys", () => {
  const keys = Array.from({ length: 2_000 }, () => createKey("k").slice(2, 45));
  for (let at = 1; at < 43; at++) assert.equal(new Set(keys.map((key) => key[at])).size, 62, `digit ${at}`);
});

test("one wrong character, or one that is missing, shows", () => {
  const key = createKey();
  for (let at = 7; at < key.length; at++) {
    const wrong = `${key.slice(0, at)}${key[at] === "x" ? "y" : "x"}${key.slice(at + 1)}`;
    assert.equal(checkKey(wrong), "broken", wrong);
  }
  for (let length = 7; length < key.length; length++) assert.equal(checkKey(key.slice(0, length)), "broken");
  assert.equal(checkKey(`${key}x`), "broken");
  assert.equal(checkKey(createKey("shop").slice(0, -1)), "other");
  assert.equal(checkKey("sk_live_abc"), "other");
});

test("a hash is found however it was written", () => {
  const digest = createHash("sha256").update("a key").digest();
  const found = digest.toString("base64url");
  assert.equal(hashKey("a key"), found);
  assert.equal(writtenHash("a key"), `sha256:${found}`);
  assert.equal(readHash(`sha256:${found}`), found);
  assert.equal(readHash(`sha256:${found}=`), found);
  assert.equal(readHash(`sha256:${digest.toString("hex")}`), found);
  assert.equal(readHash(`sha256:${digest.toString("hex").toUpperCase()}`), found);
  for (const other of [
    "a key",
    found,
    `sha256:${found.slice(1)}`,
    `sha1:${found}`,
    "sha256:",
    ` sha256:${found}`,
  ])
    assert.equal(readHash(other), undefined, other);
});
