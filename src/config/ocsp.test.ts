import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { TestAuthority } from "../../test/support/certificates.ts";
import { plainSerial, readOcsp } from "./ocsp.ts";

const authority = new TestAuthority();
after(() => authority[Symbol.dispose]());
const good = authority.issue({ names: ["DNS:good.example"] });
const bad = authority.issue({ names: ["DNS:bad.example"] });
authority.revoke(bad);

test("an answer tells which certificate it is about, how it stands, and until when", () => {
  const answer = readOcsp(readFileSync(authority.ocsp(good, 2)));
  assert.equal(answer.status, "good");
  assert.equal(answer.serial, plainSerial(new X509Certificate(good.certText).serialNumber));
  const days = (answer.nextUpdate! - Date.now()) / 86_400_000;
  assert.ok(days > 1.9 && days < 2.1, `${days} days`);
  assert.equal(readOcsp(readFileSync(authority.ocsp(bad))).status, "revoked");
});

test("what is cut or changed anywhere is refused or read, and nothing else happens", () => {
  const der = readFileSync(authority.ocsp(good));
  let refused = 0;
  for (let at = 0; at < Math.min(der.length, 300); at++)
    for (const piece of [
      der.subarray(0, at),
      Buffer.concat([der.subarray(0, at), Buffer.of(der[at]! ^ 0xff), der.subarray(at + 1)]),
    ])
      try {
        readOcsp(piece);
      } catch (error) {
        assert.match((error as Error).message, /^is (no|an) OCSP answer/);
        refused++;
      }
  assert.ok(refused > 200, `${refused} were refused`);
});
