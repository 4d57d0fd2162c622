import type { ClientCertificate, PeerTls } from "../lib/request.ts";
import type { LogField, LogKind } from "./log-fields.ts";

/** What a line can tell of a connection's TLS and of the client's certificate, by name; undefined where there is none. */
export const TLS_LOG_FIELDS: Readonly<Record<string, LogField>> = {
  tlsVersion: ofTls("version of TLS: TLSv1.3", "plain", ({ protocol }) => protocol),
  tlsCipher: ofTls("cipher suite by OpenSSL's name", "plain", ({ cipher }) => cipher),
  tlsServerName: ofTls("host that the client asked for (SNI)", "peer", ({ serverName }) => serverName),
  tlsAlpn: ofTls("protocol that was agreed on (ALPN)", "plain", ({ alpn }) => alpn),
  clientCertificateSubject: ofClient("subject of the client's certificate", ({ subject }) => subject),
  clientCertificateIssuer: ofClient("who made that certificate", ({ issuer }) => issuer),
  clientCertificateSan: ofClient("its alternative names: DNS:a.example,URI:spiffe://b/c", ({ names }) =>
    names.join(","),
  ),
  clientCertificateSpiffe: ofClient("its SPIFFE id", ({ spiffeId }) => spiffeId),
  clientCertificateFingerprint: ofClient("its SHA-256 in lower-case hex", ({ fingerprint }) => fingerprint),
  clientCertificateNotAfter: ofClient("when it ends, in UTC", ({ notAfter }) =>
    new Date(notAfter).toISOString(),
  ),
};

function ofTls(tells: string, kind: LogKind, read: (tls: PeerTls) => string): LogField {
  return { tells, kind, read: ({ tls }) => (tls && read(tls)) || undefined };
}

function ofClient(tells: string, read: (certificate: ClientCertificate) => string | undefined): LogField {
  return {
    tells,
    kind: "ours",
    read: ({ clientCertificate }) => (clientCertificate && read(clientCertificate)) || undefined,
  };
}
