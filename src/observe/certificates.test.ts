import assert from "node:assert/strict";
import { test } from "node:test";
import { type CertificateReading, ExpiryLog, type RevocationReading } from "./certificates.ts";

const DAY = 86_400_000;
const END = Date.UTC(2030, 0, 31);

function reading(more: Partial<CertificateReading> = {}): CertificateReading {
  return {
    listener: "public",
    certificate: "shop.pem",
    serial: "1f",
    notAfter: END,
    ocspUntil: undefined,
    ...more,
  };
}

function log(): { lines: string[]; look: (daysBefore: number, ...all: CertificateReading[]) => void } {
  const lines: string[] = [];
  const expiry = new ExpiryLog((line) => lines.push(line));
  return { lines, look: (days, ...all) => expiry.look(all, END - days * DAY) };
}

test("an end that nears is said at 30, 14, 7 and 1 days and when it has come, each once", () => {
  const { lines, look } = log();
  for (let day = 40; day >= -3; day -= 0.5) look(day, reading());
  assert.deepEqual(
    lines.map((line) => /expires in (\d+) days?|HAS EXPIRED/.exec(line)?.[1] ?? "over"),
    ["30", "14", "7", "1", "over"],
  );
  assert.match(
    lines[0]!,
    /^listener public: the certificate shop\.pem \(serial 1f\) expires in 30 days \(2030-01-31 00:00\)$/,
  );
  assert.match(lines[4]!, /HAS EXPIRED/);
});

test("a certificate that is renewed is not spoken of until its own end nears", () => {
  const { lines, look } = log();
  look(5, reading());
  look(5, reading({ notAfter: END + 90 * DAY, serial: "20" }));
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /in 5 days/);
});

test("the end of an OCSP answer is said a day before", () => {
  const { lines, look } = log();
  const far = reading({ notAfter: END + 300 * DAY, ocspUntil: END });
  look(3, far);
  assert.equal(lines.length, 0);
  look(0.5, far);
  assert.match(lines[0]!, /the OCSP answer of the certificate shop\.pem .* expires in 1 day /);
});

test("the end of a revocation list is said a day before and when it has come, with what that means", () => {
  const lines: string[] = [];
  const expiry = new ExpiryLog((line) => lines.push(line));
  const list: RevocationReading = { listener: "public", list: "staff.crl", until: END };
  for (let day = 3; day >= -3; day -= 0.25) expiry.look([], END - day * DAY, [list]);
  assert.deepEqual(lines, [
    "listener public: the revocation list staff.crl expires in 1 day (2030-01-31 00:00)",
    "listener public: the revocation list staff.crl HAS EXPIRED (2030-01-31 00:00): every client certificate is refused until there is a new one",
  ]);
});
