import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { test } from "node:test";
import { parseConfig } from "../../src/config/load.ts";
import { checkKey, hashKey, writtenHash } from "../../src/lib/api-key.ts";
import { ConsumerTable } from "../../src/lib/consumer-table.ts";
import { readPasswordHash, verifyPassword } from "../../src/lib/password-hash.ts";

const TORANA = resolve(import.meta.dirname, "../../bin/torana");

function torana(input: string, ...args: string[]): { status: number | null; out: string; error: string } {
  const { status, stdout, stderr } = spawnSync(TORANA, args, { input, encoding: "utf8" });
  return { status, out: stdout, error: stderr };
}

test("key create prints a key once, and a line that the config takes", () => {
  const { out, status } = torana(
    "",
    "key",
    "create",
    "--id",
    "billing 2026",
    "--expires",
    "90d",
    "--prefix",
    "shop",
  );
  assert.equal(status, 0);
  const [key = ""] = out.split("\n");
  assert.match(key, /^shop_/);
  assert.equal(checkKey(key), "ours");
  const line = out.split("\n").find((one) => one.startsWith("  - "))!;
  assert.equal(out.split(key).length, 2, "the key stands there once");
  const text = `listeners: [{ name: p, address: ":0" }]\nconsumers:\n- name: billing\n  keys:\n${line}`;
  const { consumers: made } = parseConfig(text, "config.yaml");
  const table = new ConsumerTable(made!.memory);
  const { id, expires } = table.credential(table.find("key", hashKey(key)));
  assert.equal(id, "billing 2026");
  const days = (expires - Date.now()) / 86_400_000;
  assert.ok(days > 89.9 && days <= 90, `it ends in ${days} days`);
});

test("key create --json is for programs", () => {
  const { out, status } = torana("", "key", "create", "--json");
  const { key, hash, ...more } = JSON.parse(out) as Record<string, string>;
  assert.deepEqual([status, more], [0, {}]);
  assert.equal(hash, writtenHash(key!));
});

test("key hash hashes what it reads, and finds a part of a key", () => {
  assert.deepEqual(
    torana("any key of another's\n".replaceAll(" ", "_"), "key", "hash").out,
    `${writtenHash("any_key_of_another's")}\n`,
  );
  const key = torana("", "key", "create").out.split("\n")[0]!;
  assert.equal(torana(key, "key", "hash").out, `${writtenHash(key)}\n`);
  const wrong = torana(`${key.slice(0, -1)}${key.endsWith("x") ? "y" : "x"}`, "key", "hash");
  assert.deepEqual([wrong.status, wrong.out], [1, ""]);
  assert.match(wrong.error, /it is not whole, or has a wrong letter/);
});

test("password hash makes a hash that the password has", async () => {
  const { out, status } = torana("grün & blau\n", "password", "hash");
  assert.equal(status, 0);
  assert.equal(await verifyPassword("grün & blau", readPasswordHash(out.trim())!), true);
});

test("what is not understood is told, and nothing is made", () => {
  const cases: readonly (readonly [string, string[], RegExp])[] = [
    ["", ["key"], /create or hash is needed/],
    ["", ["key", "make"], /neither create nor hash/],
    ["", ["key", "hash"], /nothing came/],
    ["a\nb\n", ["key", "hash"], /one line, and several came/],
    ["a b", ["key", "hash"], /without blanks and commas/],
    ["", ["key", "create", "--expires", "yesterday"], /--expires is a time from now/],
    ["", ["key", "create", "--expires", "2001-01-01"], /--expires is a time from now/],
    ["", ["key", "create", "--prefix", "Bad-One"], /--prefix begins with a letter/],
    ["", ["key", "create", "more"], /Unexpected argument/],
    ["", ["password"], /hash is needed/],
    ["", ["password", "hash"], /nothing came/],
    ["x".repeat(1_025), ["password", "hash"], /at most 1024 bytes/],
  ];
  for (const [input, args, message] of cases) {
    const { status, out, error } = torana(input, ...args);
    assert.deepEqual([status, out], [64, ""], args.join(" "));
    assert.match(error, message);
  }
});
