import assert from "node:assert/strict";
import { test } from "node:test";
import type { Credential } from "../pipeline/consumer.ts";
import { KnownKeys } from "./known-keys.ts";

const credential = (id: string): Credential => ({
  id,
  consumer: { name: id },
  notBefore: 0,
  expires: Number.POSITIVE_INFINITY,
  proof: "",
});

test("a key that was seen is known by all of its text, and no other is", () => {
  const known = new KnownKeys();
  assert.equal(known.get("one"), undefined);
  known.set("one-key-that-ends-alike", credential("one"));
  assert.equal(known.get("one-key-that-ends-alike")?.id, "one");
  for (const other of ["two-key-that-ends-alike", "one-key-that-ends-alik", "one-key-that-ends-alikee", ""])
    assert.equal(known.get(other), undefined, other);
  known.set("two-key-that-ends-alike", credential("two"));
  assert.equal(known.get("two-key-that-ends-alike")?.id, "two");
  assert.equal(known.get("one-key-that-ends-alike"), undefined, "one place, and the later one has it");
});

test("of many keys each gives its own credential or none", () => {
  const known = new KnownKeys();
  const keys = Array.from({ length: 100_000 }, (_, i) => `key_${i.toString(36).padStart(8, "0")}`);
  for (const key of keys) known.set(key, credential(key));
  let found = 0;
  for (const key of keys) {
    const one = known.get(key);
    if (one === undefined) continue;
    assert.equal(one.id, key);
    found++;
  }
  assert.ok(found > 20_000 && found <= 32_768, `${found}`);
});
