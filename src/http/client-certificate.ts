import type { X509Certificate } from "node:crypto";
import type { ClientCertificate } from "../lib/request.ts";

/** Certificates of CAs that are kept of what a client sends. */
const CHAIN_MAX = 8;
const NAME = /(DirName|DNS|IP Address|Registered ID|URI|email|othername):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g;
const KINDS: Readonly<Record<string, string>> = { "IP Address": "IP" };

/** What a verified certificate says of its holder. */
export function clientCertificateOf(certificate: X509Certificate): ClientCertificate {
  const names = namesOf(certificate.subjectAltName ?? "");
  const uris = names.filter((name) => name.startsWith("URI:"));
  // One that names several is none (SPIFFE X.509-SVID §2).
  const spiffe = uris.length === 1 && uris[0]!.startsWith("URI:spiffe://") ? uris[0]!.slice(4) : undefined;
  return {
    subject: distinguishedName(certificate.subject),
    issuer: distinguishedName(certificate.issuer),
    names,
    spiffeId: spiffe,
    fingerprint: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
    serial: certificate.serialNumber.toLowerCase(),
    notAfter: certificate.validToDate.getTime(),
    der: certificate.raw.toString("base64"),
    chain: chainOf(certificate),
  };
}

/** Node writes one part a line, the most general one first. */
function distinguishedName(lines: string | undefined): string {
  return (lines ?? "").split("\n").reverse().join(",");
}

function namesOf(text: string): string[] {
  return [...text.matchAll(NAME)].map(
    ([, kind = "", value = ""]) =>
      `${KINDS[kind] ?? kind}:${value.startsWith('"') ? unquoted(value) : value}`,
  );
}

/** Node quotes names in which something could be taken for another name. */
function unquoted(value: string): string {
  try {
    return JSON.parse(value) as string;
  } catch {
    return value;
  }
}

function chainOf(leaf: X509Certificate): string[] {
  const chain: string[] = [];
  let above = leaf.issuerCertificate;
  while (above !== undefined && chain.length < CHAIN_MAX) {
    const der = above.raw.toString("base64");
    if (chain.includes(der) || above.raw.equals(leaf.raw)) break;
    chain.push(der);
    above = above.issuerCertificate;
  }
  return chain;
}
