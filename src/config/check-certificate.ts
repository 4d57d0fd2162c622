import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { nodeTls } from "../lib/node-tls.ts";
import { listEnd } from "./crl.ts";
import { type OcspAnswer, plainSerial, readOcsp } from "./ocsp.ts";
import { pemBlocks } from "./pem-blocks.ts";

/** What stands against a text: the reason, and what to do about it. */
export class PemProblem {
  readonly reason: string;
  readonly cure: string;

  constructor(reason: string, cure: string) {
    this.reason = reason;
    this.cure = cure;
  }
}

const AS_PEM = "write PEM text; openssl x509 -inform der -in FILE makes it of a DER file";

/** The certificates of a PEM text, in their order. */
export function readCertificates(text: string): X509Certificate[] | PemProblem {
  const blocks = pemBlocks(text).filter(({ label }) => /^(?:X509 |TRUSTED )?CERTIFICATE$/.test(label));
  if (blocks.length === 0) return new PemProblem("holds no certificate", AS_PEM);
  const read: X509Certificate[] = [];
  for (const [i, block] of blocks.entries())
    try {
      read.push(new X509Certificate(block.text));
    } catch {
      return new PemProblem(`its certificate ${i + 1} cannot be read`, "fetch or make it anew");
    }
  return read;
}

/** The private key of a PEM text. */
export function readPrivateKey(text: string): KeyObject | PemProblem {
  const block = pemBlocks(text).find(({ label }) => label.endsWith("PRIVATE KEY"));
  if (block === undefined) return new PemProblem("holds no private key", "name the file with the key (PEM)");
  if (block.label.startsWith("ENCRYPTED") || block.text.includes("Proc-Type: 4,ENCRYPTED"))
    return new PemProblem(
      "has a passphrase",
      "write it without: openssl pkey -in FILE -out NEW, and let only this user read it",
    );
  try {
    return createPrivateKey(block.text);
  } catch {
    return new PemProblem("its private key cannot be read", "make it anew, or fetch it again");
  }
}

/** What stands against the time of a certificate. */
export function checkTime(certificate: X509Certificate, now: number): PemProblem | undefined {
  const { validFromDate, validToDate } = certificate;
  if (validToDate.getTime() <= now) return new PemProblem(`has expired (${dayOf(validToDate)})`, "renew it");
  if (validFromDate.getTime() > now)
    return new PemProblem(
      `is not valid before ${dayOf(validFromDate)}`,
      "wait, or check this machine's clock",
    );
  return undefined;
}

/** Whether OpenSSL takes certificate and key together: it refuses keys that are too short, for one. */
export function checkPair(cert: string, key: string): PemProblem | undefined {
  try {
    nodeTls().createSecureContext({ cert, key, ca: [] });
    return undefined;
  } catch (error) {
    const why = (error as Error).message.replace(/^error:[0-9A-F]+:[^:]*:[^:]*:/, "");
    return new PemProblem(
      `is not taken by OpenSSL (${why})`,
      "make a key of at least 2048 bits (RSA) or ECDSA",
    );
  }
}

/** What stands against a list of CAs, as a listener or a service uses it. */
export function checkAuthorities(
  certificates: readonly X509Certificate[],
  now: number,
): PemProblem | undefined {
  if (certificates.every((one) => one.validToDate.getTime() <= now))
    return new PemProblem("holds only certificates that have expired", "name the CA's present certificate");
  return undefined;
}

/** The revocation lists of a PEM text, checked: until when all of them hold, undefined where none says. */
export function checkRevocations(text: string): { readonly until: number | undefined } | PemProblem {
  const lists = pemBlocks(text).filter(({ label }) => label === "X509 CRL");
  if (lists.length === 0)
    return new PemProblem(
      "holds no revocation list",
      "write PEM text; openssl crl -inform der -in FILE makes it of a DER file",
    );
  try {
    nodeTls().createSecureContext({ crl: lists.map((list) => list.text), ca: [] });
    const ends = lists.flatMap((list) => listEnd(list.text) ?? []);
    return { until: ends.length === 0 ? undefined : Math.min(...ends) };
  } catch {
    return new PemProblem("its revocation list cannot be read", "fetch it again from the CA");
  }
}

/** An OCSP answer that may be handed out with a certificate, as long as it holds. */
export function checkOcsp(der: Buffer, certificate: X509Certificate): OcspAnswer | PemProblem {
  const fetch = "fetch it again from the CA, or leave it out";
  let answer: OcspAnswer;
  try {
    answer = readOcsp(der);
  } catch (error) {
    return new PemProblem((error as Error).message, fetch);
  }
  if (answer.serial !== plainSerial(certificate.serialNumber))
    return new PemProblem("is about another certificate", fetch);
  if (answer.status !== "good")
    return new PemProblem(`says that the certificate is ${answer.status}`, "renew it");
  return answer;
}

/** Names of hosts that a certificate is for, in lower case; its common name where it has no other. */
export function hostsOf({ subjectAltName, subject }: X509Certificate): string[] {
  const names = [...(subjectAltName ?? "").matchAll(/(?:^|, )DNS:("(?:[^"\\]|\\.)*"|[^,]*)/g)]
    .map(([, name = ""]) => name.toLowerCase())
    .filter((name) => /^[a-z0-9_.*-]+$/.test(name));
  const addresses = [...(subjectAltName ?? "").matchAll(/(?:^|, )IP Address:([^,]*)/g)].map(([, ip = ""]) =>
    ip.toLowerCase(),
  );
  if (names.length + addresses.length > 0) return [...names, ...addresses];
  const [, common] = /(?:^|\n)CN=([a-z0-9_.*-]+)(?:\n|$)/i.exec(subject ?? "") ?? [];
  return common === undefined ? [] : [common.toLowerCase()];
}

/** What is said of something that should have been replaced before `now`; undefined where it holds. */
export function checkEnd(until: number | undefined, now: number): string | undefined {
  return until === undefined || until > now ? undefined : `has expired (${dayOf(new Date(until))})`;
}

function dayOf(date: Date): string {
  return date.toISOString().slice(0, 16).replace("T", " ");
}
