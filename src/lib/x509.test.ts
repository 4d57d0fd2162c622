import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync, hash, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { createSecureContext } from "node:tls";
import {
  certificateHost,
  createAlpnCertificate,
  createAuthority,
  createCertificate,
  createRequest,
  createSelfSigned,
} from "./x509.ts";

const DAY = 86_400_000;

function days(certificate: X509Certificate): number {
  return Math.round((certificate.validToDate.getTime() - Date.now()) / DAY);
}

test("a CA signs certificates for names, wildcards and addresses", async () => {
  const authority = await createAuthority("A CA, of O=somebody", 30);
  const ca = new X509Certificate(authority.cert);
  assert.ok(ca.ca && ca.checkPrivateKey(createPrivateKey(authority.key)));
  const made = await createCertificate(["a.test", "*.b.test", "10.0.0.1", "::1"], 3, authority);
  const leaf = new X509Certificate(made.cert);
  assert.ok(!leaf.ca && leaf.checkIssued(ca) && leaf.verify(ca.publicKey));
  assert.ok(leaf.checkPrivateKey(createPrivateKey(made.key)));
  for (const host of ["a.test", "x.b.test"]) assert.ok(leaf.checkHost(host), host);
  for (const host of ["b.test", "x.y.b.test", "c.test"]) assert.equal(leaf.checkHost(host), undefined, host);
  for (const address of ["10.0.0.1", "::1"]) assert.ok(leaf.checkIP(address), address);
  assert.equal(days(leaf), 3);
  assert.deepEqual(leaf.keyUsage, ["1.3.6.1.5.5.7.3.1"]);
  createSecureContext({ cert: made.cert, key: made.key });
});

test("a certificate is not valid for longer than its CA, and every one has a serial number of its own", async () => {
  const authority = await createAuthority("CA", 2);
  const [one, two] = await Promise.all([1, 2].map(() => createCertificate(["a.test"], 90, authority)));
  assert.equal(days(new X509Certificate(one!.cert)), 2);
  assert.notEqual(new X509Certificate(one!.cert).serialNumber, new X509Certificate(two!.cert).serialNumber);
});

test("a CA with a key of another kind signs as well; one with a kind that is not taken is refused", async () => {
  const { cert } = await createAuthority("CA", 2);
  const key = (pair: { privateKey: ReturnType<typeof createPrivateKey> }): string =>
    pair.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  for (const pair of [
    generateKeyPairSync("rsa", { modulusLength: 2048 }),
    generateKeyPairSync("ec", { namedCurve: "P-384" }),
  ]) {
    const made = await createCertificate(["a.test"], 1, { cert, key: key(pair) });
    assert.ok(new X509Certificate(made.cert).verify(pair.publicKey));
  }
  await assert.rejects(
    createCertificate(["a.test"], 1, { cert, key: key(generateKeyPairSync("ed25519")) }),
    /ECDSA/,
  );
});

test("one that nobody signed is signed by its own key", async () => {
  const { cert } = await createSelfSigned(["a.test", "b.test"], 7);
  const made = new X509Certificate(cert);
  assert.ok(made.verify(made.publicKey));
  assert.equal(made.subjectAltName, "DNS:a.test, DNS:b.test");
  assert.equal(days(made), 7);
});

test("the certificate of a challenge holds its hash in a critical extension (RFC 8737 §3)", async () => {
  const digest = hash("sha256", "token.thumbprint", "buffer");
  const { cert } = await createAlpnCertificate("a.test", digest);
  const made = new X509Certificate(cert);
  assert.equal(made.subjectAltName, "DNS:a.test");
  const extension = Buffer.concat([Buffer.from("06082b0601050507011f0101ff04220420", "hex"), digest]);
  assert.ok(made.raw.includes(extension));
});

test("a request is signed by the key that comes with it", async () => {
  const { Pkcs10CertificateRequest, SubjectAlternativeNameExtension } = await import("@peculiar/x509");
  const { csr, key } = await createRequest(["a.test", "b.test"]);
  const request = new Pkcs10CertificateRequest(csr);
  assert.ok(await request.verify());
  const { names } = new SubjectAlternativeNameExtension(request.getExtension("2.5.29.17")!.rawData);
  assert.deepEqual(
    names.items.map(({ value }) => value),
    ["a.test", "b.test"],
  );
  assert.match(key, /^-----BEGIN PRIVATE KEY-----/);
});

test("hosts are names, wildcards and addresses, in lower case and ASCII", () => {
  const hosts: readonly (readonly [string, string | undefined])[] = [
    ["localhost", "localhost"],
    ["Shop.Example", "shop.example"],
    ["*.Shop.Example", "*.shop.example"],
    ["bücher.example", "xn--bcher-kva.example"],
    ["10.0.0.1", "10.0.0.1"],
    ["[::1]", "::1"],
    ["FE80::1", "fe80::1"],
    ["my_host", "my_host"],
    ["", undefined],
    ["a b", undefined],
    ["a.example:8443", undefined],
    ["*", undefined],
    ["*.*.example", undefined],
    ["a.*.example", undefined],
    ["-a.example", undefined],
    ["a..example", undefined],
    ["https://a.example", undefined],
    [`${"a".repeat(64)}.example`, undefined],
  ];
  for (const [written, host] of hosts) assert.equal(certificateHost(written), host, written);
});
