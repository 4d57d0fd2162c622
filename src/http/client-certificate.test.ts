import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { after, test } from "node:test";
import { TestAuthority } from "../../test/support/certificates.ts";
import { clientCertificateOf } from "./client-certificate.ts";
import { handshakeResult, verifyResult } from "./handshake-result.ts";

const authority = new TestAuthority();
after(() => authority[Symbol.dispose]());

test("a certificate tells who holds it", () => {
  const made = authority.issue({
    names: ["DNS:orders.example", "IP:192.0.2.1", "email:a@b.example", "URI:spiffe://example/ns/a"],
    use: "client",
  });
  const x509 = new X509Certificate(made.certText);
  const read = clientCertificateOf(x509);
  assert.equal(read.subject, "CN=orders.example");
  assert.equal(read.issuer, "CN=test CA");
  assert.deepEqual(read.names, [
    "DNS:orders.example",
    "IP:192.0.2.1",
    "email:a@b.example",
    "URI:spiffe://example/ns/a",
  ]);
  assert.equal(read.spiffeId, "spiffe://example/ns/a");
  assert.match(read.fingerprint, /^[0-9a-f]{64}$/);
  assert.equal(read.serial, x509.serialNumber.toLowerCase());
  assert.equal(read.der, x509.raw.toString("base64"));
  assert.deepEqual(read.chain, []);
});

test("who names several SPIFFE ids has none, and a name cannot pass for two", () => {
  const two = authority.issue({ names: ["URI:spiffe://example/a", "URI:spiffe://example/b"], use: "client" });
  assert.equal(clientCertificateOf(new X509Certificate(two.certText)).spiffeId, undefined);
  const web = authority.issue({ names: ["URI:https://example/a"], use: "client" });
  assert.equal(clientCertificateOf(new X509Certificate(web.certText)).spiffeId, undefined);
});

test("failures of handshakes have a word for metrics", () => {
  assert.equal(handshakeResult("ERR_SSL_UNSUPPORTED_PROTOCOL"), "protocol_version");
  assert.equal(handshakeResult("ERR_SSL_NO_SHARED_CIPHER"), "no_shared_cipher");
  assert.equal(handshakeResult("ERR_SSL_HTTP_REQUEST"), "not_tls");
  assert.equal(handshakeResult("ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE"), "no_certificate");
  assert.equal(handshakeResult("ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"), "certificate_refused");
  assert.equal(handshakeResult("ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN"), "certificate_refused");
  assert.equal(handshakeResult("ECONNRESET"), "client_left");
  assert.equal(handshakeResult("ERR_SSL_SOMETHING_NEW"), "other");
  assert.equal(verifyResult("CERT_REVOKED"), "certificate_revoked");
  assert.equal(verifyResult("SOMETHING_NEW"), "certificate_invalid");
});
