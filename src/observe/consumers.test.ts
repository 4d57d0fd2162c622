import assert from "node:assert/strict";
import { test } from "node:test";
import { checkConfig } from "../config/load.ts";
import type { ConsumersConfig } from "../config/read-consumers.ts";
import { writtenHash } from "../lib/api-key.ts";
import { consumersView, expiryLine, readConsumersOf } from "./consumers.ts";

const NOW = Date.UTC(2026, 0, 1);

function made(consumers: readonly object[]): ConsumersConfig {
  return checkConfig({ listeners: [{ name: "p", address: ":0" }], consumers }).consumers!;
}

const three = made([
  {
    name: "a",
    groups: ["staff"],
    tags: ["eu"],
    metadata: { not: "shown" },
    keys: [
      { id: "k1", hash: writtenHash("1"), notBefore: "2026-01-02", expires: "2026-01-10" },
      { hash: writtenHash("2"), expires: "2025-12-31" },
    ],
  },
  { name: "b" },
  { name: "c", hmac: [{ id: "h", secret: "a secret of many characters", expires: "2026-03-01" }] },
]);

test("consumers are counted, and their credentials by kind", () => {
  assert.deepEqual(readConsumersOf(three), { consumers: 3, credentials: { key: 2, hmac: 1 } });
  assert.deepEqual(readConsumersOf(undefined), { consumers: 0, credentials: {} });
});

test("some of them are shown, or one, without hashes, secrets and metadata", () => {
  const counts = { consumers: 3, credentials: { key: 2, hmac: 1 } };
  const a = {
    name: "a",
    groups: ["staff"],
    tags: ["eu"],
    credentials: [
      { kind: "key", id: "k1", notBefore: "2026-01-02T00:00:00.000Z", expires: "2026-01-10T00:00:00.000Z" },
      { kind: "key", id: "a/key/2", expires: "2025-12-31T00:00:00.000Z" },
    ],
  };
  const bare = { groups: undefined, tags: undefined };
  const b = { name: "b", ...bare, credentials: [] };
  const c = {
    name: "c",
    ...bare,
    credentials: [{ kind: "hmac", id: "h", expires: "2026-03-01T00:00:00.000Z" }],
  };
  const shown = (name: string | undefined, offset = 0, limit = 10) =>
    consumersView(three, { name, offset, limit });
  assert.deepEqual(shown(undefined), { ...counts, shown: [a, b, c] });
  assert.deepEqual(shown(undefined, 1, 1), { ...counts, shown: [b] });
  assert.deepEqual(shown(undefined, 2, 5), { ...counts, shown: [c] });
  assert.deepEqual(shown(undefined, 3), { ...counts, shown: [] });
  assert.deepEqual(shown("a"), { ...counts, shown: [a] });
  assert.deepEqual(shown("c", 0, 1), { ...counts, shown: [c] });
  assert.deepEqual(shown("nobody"), { ...counts, shown: [] });
  assert.deepEqual(consumersView(undefined, { name: undefined, offset: 0, limit: 1 }), {
    consumers: 0,
    credentials: {},
    shown: [],
  });
});

test("one line names what expires soon, the next first, and counts what has expired", () => {
  assert.equal(
    expiryLine(three, NOW),
    "credentials that expire within 14 days: key k1 of a (2026-01-10T00:00Z); 1 credential has expired",
  );
  assert.equal(expiryLine(made([{ name: "a", keys: [{ hash: writtenHash("1") }] }]), NOW), undefined);
  assert.equal(expiryLine(undefined, NOW), undefined);
  const keys = Array.from({ length: 12 }, (_, i) => ({
    id: `k${i}`,
    hash: writtenHash(`${i}`),
    expires: `2026-01-${14 - i}`.replace(/-(\d)$/, "-0$1"),
  }));
  const line = expiryLine(made([{ name: "a", keys }]), NOW)!;
  assert.match(line, /: key k11 of a \(2026-01-03T00:00Z\), key k10 of a .* and 2 more$/);
});
