import assert from "node:assert/strict";
import { test } from "node:test";
import { handshakeFailure, isTlsAlert, verifyFailure } from "./tls-failure.ts";

test("what is wrong with a certificate is told in words; what is not known by its code only", () => {
  for (const [code, detail] of [
    ["CERT_HAS_EXPIRED", "the service's certificate has expired"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "the service's certificate is for another name"],
    ["CERT_CHAIN_TOO_LONG", "the service's certificate: CERT_CHAIN_TOO_LONG"],
    ["Host: orders.internal. is not in the list", "the service's certificate: an unknown reason"],
  ] as const) {
    const failure = verifyFailure(code);
    assert.deepEqual([failure.code, failure.detail], ["tls_verify_failed", detail]);
  }
});

test("what ended a handshake is told in words", () => {
  for (const [code, detail] of [
    ["ERR_SSL_WRONG_VERSION_NUMBER", "the service does not speak TLS"],
    ["ERR_SSL_PACKET_LENGTH_TOO_LONG", "the service does not speak TLS"],
    ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "the service speaks no version of TLS that is allowed"],
    ["ERR_SSL_UNSUPPORTED_PROTOCOL", "the service speaks no version of TLS that is allowed"],
    [
      "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
      "the service speaks none of the protocols that it was offered",
    ],
    ["ERR_SSL_TLSV1_UNRECOGNIZED_NAME", "the service does not know the name that it was asked for"],
    ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "the service demands a client certificate"],
    ["ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE", "the service does not take our client certificate"],
    ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN", "the service does not take our client certificate"],
    ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "the service does not take our client certificate"],
    ["ERR_SSL_TLSV1_ALERT_ACCESS_DENIED", "the service does not take our client certificate"],
    ["ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", "nothing was found that both sides can do"],
    ["ECONNRESET", "the service closed the connection during the handshake"],
    [undefined, "the service closed the connection during the handshake"],
    ["ERR_SSL_SOMETHING_NEW", "the handshake failed: ERR_SSL_SOMETHING_NEW"],
  ] as const) {
    const failure = handshakeFailure(code);
    assert.deepEqual([failure.code, failure.detail], ["tls_handshake_failed", detail], String(code));
  }
});

test("only alerts of the other side end a first request as a handshake would", () => {
  assert.equal(isTlsAlert("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"), true);
  assert.equal(isTlsAlert("ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED"), true);
  assert.equal(isTlsAlert("ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC"), false);
  assert.equal(isTlsAlert("ECONNRESET"), false);
  assert.equal(isTlsAlert(undefined), false);
});
