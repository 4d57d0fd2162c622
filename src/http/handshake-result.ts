/** How handshakes fail, by the code of OpenSSL, Node or the system; the first that fits. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [
    /HTTP_REQUEST|HTTPS_PROXY_REQUEST|WRONG_VERSION_NUMBER|BAD_RECORD_TYPE|UNEXPECTED_MESSAGE|PACKET_LENGTH/,
    "not_tls",
  ],
  [/UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|VERSION_TOO_LOW|INAPPROPRIATE_FALLBACK/, "protocol_version"],
  [
    /NO_SHARED_(?:CIPHER|GROUP|SIGNATURE)|NO_SUITABLE|HANDSHAKE_FAILURE|INSUFFICIENT_SECURITY/,
    "no_shared_cipher",
  ],
  [/APPLICATION_PROTOCOL/, "no_application_protocol"],
  [/PEER_DID_NOT_RETURN_A_CERTIFICATE/, "no_certificate"],
  [/ALERT_(?:\w+_)?(?:CERTIFICATE|CA)|ALERT_UNKNOWN|ALERT_ACCESS|ALERT_DECRYPT/, "certificate_refused"],
  [/ALERT_/, "client_alert"],
  [/^(?:ECONNRESET|EPIPE|ECONNABORTED|ETIMEDOUT|CLOSED)$/, "client_left"],
];

/** Why a handshake failed, in a word for metrics. */
export function handshakeResult(code: string): string {
  return REASONS.find(([pattern]) => pattern.test(code))?.[1] ?? "other";
}

const VERIFY: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "certificate_expired",
  CERT_NOT_YET_VALID: "certificate_not_yet_valid",
  CERT_REVOKED: "certificate_revoked",
  INVALID_PURPOSE: "certificate_purpose",
  CRL_HAS_EXPIRED: "crl_expired",
  CRL_NOT_YET_VALID: "crl_expired",
  UNABLE_TO_GET_CRL: "crl_missing",
  DEPTH_ZERO_SELF_SIGNED_CERT: "unknown_ca",
  SELF_SIGNED_CERT_IN_CHAIN: "unknown_ca",
  UNABLE_TO_GET_ISSUER_CERT: "unknown_ca",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "unknown_ca",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "unknown_ca",
  CERT_UNTRUSTED: "unknown_ca",
  INVALID_CA: "unknown_ca",
};

/** Why a client's certificate was not believed, in a word for metrics; `code` is OpenSSL's. */
export function verifyResult(code: string): string {
  return VERIFY[code] ?? "certificate_invalid";
}
