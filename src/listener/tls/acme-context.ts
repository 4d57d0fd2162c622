import { readFileSync } from "node:fs";
import { acmeAlpnFile, splitPem } from "../../config/acme-files.ts";
import type { ClientHello } from "../../http/client-hello.ts";
import { ACME_PROTOCOL, type TlsContext } from "../../http/tls-contract.ts";
import { nodeTls } from "../../lib/node-tls.ts";

const OFFERED: Buffer = Buffer.concat([
  Buffer.of(ACME_PROTOCOL.length),
  Buffer.from(ACME_PROTOCOL, "latin1"),
]);
/** The whole list of a hello that offers nothing else. */
const ALONE: Buffer = Buffer.concat([Buffer.of(0, OFFERED.length), OFFERED]);

/** Whether a hello is that of a CA that checks a host: it offers that protocol and no other. */
export function isAcmeHello({ alpn }: ClientHello): boolean {
  return alpn.equals(ALONE);
}

/**
 * What a CA's TLS-ALPN-01 challenge for a host is answered with: the certificate that this gateway, or one that shares the
 * folder, has put there; undefined where none is. Reading waits: only a CA asks, and rarely.
 */
export function acmeContext(storage: string, host: string): TlsContext | undefined {
  const file = acmeAlpnFile(storage, host);
  try {
    const pem = file === undefined ? undefined : splitPem(readFileSync(file, "latin1"));
    if (pem === undefined) return undefined;
    const secure = nodeTls().createSecureContext({ ...pem, ca: [], minVersion: "TLSv1.2" });
    return { secure, alpn: OFFERED, ocsp: undefined, challenge: true, verify: "none", requirement: "" };
  } catch {
    return undefined;
  }
}
