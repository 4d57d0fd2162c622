import { Failure } from "../errors/failure.ts";

/** What OpenSSL finds wrong with a certificate, in words that name nobody. */
const CERTIFICATES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "the service's certificate has expired",
  CERT_NOT_YET_VALID: "the service's certificate is not valid yet",
  CERT_REVOKED: "the service's certificate was revoked",
  INVALID_PURPOSE: "the service's certificate is not for servers",
  ERR_TLS_CERT_ALTNAME_INVALID: "the service's certificate is for another name",
  ERR_TLS_CERT_ALTNAME_FORMAT: "the names of the service's certificate cannot be read",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the service's certificate is signed by itself",
  SELF_SIGNED_CERT_IN_CHAIN: "the service's certificate leads to a CA that is not believed",
  UNABLE_TO_GET_ISSUER_CERT: "the service's certificate leads to no CA that is believed",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "the service's certificate leads to no CA that is believed",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the service's certificate leads to no CA that is believed",
};

/** What ends a handshake, by the code of Node or OpenSSL. */
const HANDSHAKES: readonly (readonly [RegExp, string])[] = [
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|RECORD_TOO_SMALL/,
    "the service does not speak TLS",
  ],
  [
    /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW/,
    "the service speaks no version of TLS that is allowed",
  ],
  [/APPLICATION_PROTOCOL/, "the service speaks none of the protocols that it was offered"],
  [/UNRECOGNIZED_NAME/, "the service does not know the name that it was asked for"],
  [/CERTIFICATE_REQUIRED/, "the service demands a client certificate"],
  [/ALERT_(?:\w*_)?(?:CERTIFICATE|CA|ACCESS_DENIED)/, "the service does not take our client certificate"],
  [/ALERT_HANDSHAKE_FAILURE|NO_SHARED_CIPHER|NO_CIPHERS/, "nothing was found that both sides can do"],
  [/^(?:ECONNRESET|EPIPE)?$/, "the service closed the connection during the handshake"],
];

/** A failure of what was asked of the service's certificate; `code` is OpenSSL's or Node's. */
export function verifyFailure(code: string): Failure {
  return new Failure("tls_verify_failed", CERTIFICATES[code] ?? `the service's certificate: ${plain(code)}`);
}

/** A failure of the handshake itself; `code` is that of Node, OpenSSL or the system. */
export function handshakeFailure(code: string | undefined): Failure {
  const known = HANDSHAKES.find(([pattern]) => pattern.test(code ?? ""));
  return new Failure("tls_handshake_failed", known?.[1] ?? `the handshake failed: ${plain(code ?? "")}`);
}

/** Whether a code is that of a TLS alert: the service ended the connection because of TLS, not of a request. */
export function isTlsAlert(code: string | undefined): boolean {
  return code !== undefined && /^ERR_SSL_(?:SSL|TLS)V[0-9]+_ALERT_/.test(code);
}

/** A code as it may be shown: whatever else stands there may name what is nobody's business. */
function plain(code: string): string {
  return /^[A-Z][A-Z0-9_]*$/.test(code) ? code : "an unknown reason";
}
