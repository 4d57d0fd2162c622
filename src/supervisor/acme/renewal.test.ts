import assert from "node:assert/strict";
import { test } from "node:test";
import { createSelfSigned } from "../../lib/x509.ts";
import { backOff, lifetimeOf, renewalTime, retryAfter } from "./renewal.ts";

const DAY = 86_400_000;

test("a certificate is renewed after two thirds of its lifetime, or earlier by chance", () => {
  const lifetime = { from: 0, to: 90 * DAY };
  assert.equal(renewalTime(lifetime, 0), 60 * DAY);
  assert.equal(Math.round(renewalTime(lifetime, 1) / DAY), 57);
  assert.equal(renewalTime({ from: 5, to: 0 }, 0.5), 5);
});

test("the lifetime is that of the first certificate; what is none has none", async () => {
  const { cert, key } = await createSelfSigned(["a.example"], 7);
  const lifetime = lifetimeOf(key + cert);
  assert.ok(lifetime !== undefined);
  assert.equal(Math.round((lifetime.to - Date.now()) / DAY), 7);
  assert.equal(lifetimeOf("no certificate"), undefined);
});

test("waits double from a minute to six hours, by chance a quarter more or less", () => {
  const waits = [1, 2, 3, 4, 100].map((failures) => backOff(failures, 0.5) / 60_000);
  assert.deepEqual(waits, [1, 2, 4, 8, 360]);
  assert.equal(backOff(1, 0), 45_000);
  assert.equal(backOff(1, 1), 75_000);
});

test("a CA's Retry-After is kept to, in seconds or as a date", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  assert.equal(retryAfter("120", now), 120_000);
  assert.equal(retryAfter("Thu, 01 Jan 2026 01:00:00 GMT", now), 3_600_000);
  assert.equal(retryAfter("Wed, 31 Dec 2025 01:00:00 GMT", now), 0);
  for (const nothing of [undefined, "", "soon", "-5"]) assert.equal(retryAfter(nothing, now), 0);
  assert.equal(backOff(1, 0.5, 7_200_000), 7_200_000);
});
