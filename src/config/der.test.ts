import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { TestAuthority } from "../../test/support/certificates.ts";
import { listEnd } from "./crl.ts";
import { DerError, inside, TIME, timeOf, UTC_TIME, valueAt } from "./der.ts";

const authority = new TestAuthority();
after(() => authority[Symbol.dispose]());

function time(tag: number, text: string): number | undefined {
  const der = Buffer.from(text, "latin1");
  return timeOf(der, { tag, from: 0, to: der.length });
}

test("times are read in both forms", () => {
  assert.equal(time(TIME, "20260102030405Z"), Date.UTC(2026, 0, 2, 3, 4, 5));
  assert.equal(time(UTC_TIME, "260102030405Z"), Date.UTC(2026, 0, 2, 3, 4, 5));
  assert.equal(time(UTC_TIME, "500102030405Z"), Date.UTC(1950, 0, 2, 3, 4, 5));
  assert.equal(time(UTC_TIME, "2601020304Z"), undefined);
  assert.equal(time(0x02, "20260102030405Z"), undefined);
});

test("what ends within a value, or has a length that cannot be, is an error", () => {
  for (const bytes of [
    [],
    [0x30],
    [0x30, 5, 1],
    [0x30, 0x80, 0, 0],
    [0x30, 0x85, 1, 1, 1, 1, 1],
    [0x30, 0x82, 1],
  ])
    assert.throws(() => inside(Buffer.from(bytes), valueAt(Buffer.from(bytes), 0, bytes.length)), DerError);
  assert.deepEqual(inside(Buffer.of(0x30, 2, 5, 0), { tag: 0x30, from: 2, to: 4 }), [
    { tag: 5, from: 4, to: 4 },
  ]);
});

test("the end of a revocation list is the one that openssl wrote, with and without entries", () => {
  const day = 86_400_000;
  const list = readFileSync(authority.list(-3, -1), "latin1");
  assert.ok(Math.abs(listEnd(list)! - (Date.now() - day)) < 60_000);
  const revoked = authority.issue({ names: ["DNS:a.example"] });
  assert.ok(
    Math.abs(listEnd(readFileSync(authority.revoke(revoked), "latin1"))! - (Date.now() + 30 * day)) < 60_000,
  );
  assert.equal(listEnd("-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n"), undefined);
  assert.equal(listEnd("nothing"), undefined);
});
