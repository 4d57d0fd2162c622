import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { AcmeConfig } from "./acme-schema.ts";

/** Path that a CA asks for by HTTP-01, before the token (RFC 8555 §8.3). */
export const CHALLENGE_PATH = "/.well-known/acme-challenge/";

const TOKEN = /^[A-Za-z0-9_-]{16,256}$/;
const HOST = /^[a-z0-9.-]{1,253}$/;

/** The file with a certificate, its chain and its key: of other hosts or another CA it is another file. */
export function acmeCertificateFile({ storage, hosts, directory }: AcmeConfig): string {
  const print = hash("sha256", JSON.stringify([directory, [...hosts].sort()]), "hex").slice(0, 12);
  return join(storage, `${hosts[0]}-${print}.pem`);
}

/** The file with the account at a CA. */
export function acmeAccountFile({ storage, directory }: AcmeConfig): string {
  return join(storage, `account-${hash("sha256", directory, "hex").slice(0, 12)}.json`);
}

/** The file with the answer to an HTTP-01 challenge; undefined for what is no token. */
export function acmeTokenFile(storage: string, token: string): string | undefined {
  return TOKEN.test(token) ? join(storage, "challenges", token) : undefined;
}

/** The file with the certificate that answers a TLS-ALPN-01 challenge for a host; undefined for what is no host. */
export function acmeAlpnFile(storage: string, host: string): string | undefined {
  return HOST.test(host) ? join(storage, "challenges", `${host}.alpn.pem`) : undefined;
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^-]+-----END \1-----\r?\n?/g;

/** Certificates and private key of one PEM text; undefined where either is missing. */
export function splitPem(text: string): { readonly cert: string; readonly key: string } | undefined {
  let cert = "";
  let key = "";
  for (const [block, label] of text.matchAll(BLOCK)) {
    if (label === "CERTIFICATE") cert += block;
    else if (label?.endsWith("PRIVATE KEY")) key += block;
  }
  return cert === "" || key === "" ? undefined : { cert, key };
}

/** The certificate that has been obtained; undefined while there is none, or none that can be read. */
export function readAcmeCertificate(
  acme: AcmeConfig,
): { readonly cert: string; readonly key: string } | undefined {
  try {
    return splitPem(readFileSync(acmeCertificateFile(acme), "utf8"));
  } catch {
    return undefined;
  }
}
