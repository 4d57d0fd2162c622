import { createPrivateKey, KeyObject, randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import * as x509 from "@peculiar/x509";

x509.cryptoProvider.set(webcrypto as Crypto);

const MINUTE = 60_000;
const DAY = 86_400_000;
/** A clock may be a little late. */
const BEFORE = 60 * MINUTE;

/** A certificate and its private key, both as PEM text. */
export interface KeyedCertificate {
  readonly cert: string;
  readonly key: string;
}

type Signing = { readonly name: "ECDSA"; readonly hash: string } | { readonly name: "RSASSA-PKCS1-v1_5" };

/** A new CA: ECDSA P-256, for `days` days; it signs certificates of hosts and no other CAs. */
export async function createAuthority(name: string, days: number): Promise<KeyedCertificate> {
  const keys = await newKeys();
  const { KeyUsageFlags } = x509;
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    ...times(days),
    serialNumber: serial(),
    name: [{ CN: [name] }],
    keys,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: pemOf(cert), key: keyPem(keys.privateKey) };
}

/** A certificate for hosts (names, wildcards, IP addresses), signed by a CA, for `days` days, but not longer than the CA. */
export async function createCertificate(
  hosts: readonly string[],
  days: number,
  authority: KeyedCertificate,
): Promise<KeyedCertificate> {
  const keys = await newKeys();
  const issuer = new x509.X509Certificate(authority.cert);
  const { signingKey, signingAlgorithm } = await signerOf(authority.key);
  const { notBefore, notAfter } = times(days);
  const cert = await x509.X509CertificateGenerator.create({
    notBefore,
    notAfter: new Date(Math.min(notAfter.getTime(), issuer.notAfter.getTime())),
    serialNumber: serial(),
    subject: [{ CN: [hosts[0]!.slice(0, 64)] }],
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm,
    extensions: [
      ...serverExtensions(hosts),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return { cert: pemOf(cert), key: keyPem(keys.privateKey) };
}

/** A certificate for hosts that nobody signed but its own key: something to answer with until there is a real one. */
export async function createSelfSigned(hosts: readonly string[], days: number): Promise<KeyedCertificate> {
  const keys = await newKeys();
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    ...times(days),
    serialNumber: serial(),
    name: [{ CN: [hosts[0]!.slice(0, 64)] }],
    keys,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    extensions: serverExtensions(hosts),
  });
  return { cert: pemOf(cert), key: keyPem(keys.privateKey) };
}

/** The certificate that answers a TLS-ALPN-01 challenge: for one host, with the hash of what was agreed (RFC 8737 §3). */
export async function createAlpnCertificate(host: string, digest: Uint8Array): Promise<KeyedCertificate> {
  const keys = await newKeys();
  const octets = new Uint8Array([0x04, digest.length, ...digest]);
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    ...times(1),
    serialNumber: serial(),
    name: [{ CN: [host.slice(0, 64)] }],
    keys,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    extensions: [alternativeNames([host]), new x509.Extension("1.3.6.1.5.5.7.1.31", true, octets)],
  });
  return { cert: pemOf(cert), key: keyPem(keys.privateKey) };
}

/** A request for a certificate for hosts (PKCS #10), with a new key. */
export async function createRequest(
  hosts: readonly string[],
): Promise<{ readonly csr: string; readonly key: string }> {
  const keys = await newKeys();
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      alternativeNames(hosts),
    ],
  });
  return { csr: `${csr.toString("pem")}\n`, key: keyPem(keys.privateKey) };
}

const LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?";
const NAME = new RegExp(`^(?:\\*\\.)?${LABEL}(?:\\.${LABEL})*$`);

/** A host as a certificate names it: in lower case and ASCII; undefined for what is neither a name, *.name nor an address. */
export function certificateHost(written: string): string | undefined {
  const plain = written.replace(/^\[(.*)\]$/, "$1");
  if (isIP(plain) !== 0) return plain.toLowerCase();
  const wild = plain.startsWith("*.");
  const ascii = domainToASCII(wild ? plain.slice(2) : plain).toLowerCase();
  const name = wild ? `*.${ascii}` : ascii;
  return ascii !== "" && name.length <= 253 && NAME.test(name) ? name : undefined;
}

function serverExtensions(hosts: readonly string[]): x509.Extension[] {
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    alternativeNames(hosts),
  ];
}

function alternativeNames(hosts: readonly string[]): x509.Extension {
  return new x509.SubjectAlternativeNameExtension(
    hosts.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value })),
  );
}

function times(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - BEFORE), notAfter: new Date(now + days * DAY) };
}

/** Positive, and short enough for everybody (RFC 5280 §4.1.2.2). */
function serial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString("hex");
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
}

/** What a CA's own key signs with: ECDSA on P-256 or P-384, or RSA. Throws an Error for any other. */
async function signerOf(pem: string): Promise<{ signingKey: CryptoKey; signingAlgorithm: Signing }> {
  const key = createPrivateKey(pem);
  if (key.asymmetricKeyType === "rsa") {
    const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
    return {
      signingKey: key.toCryptoKey(algorithm, false, ["sign"]) as CryptoKey,
      signingAlgorithm: { name: "RSASSA-PKCS1-v1_5" },
    };
  }
  const curve = CURVES[key.asymmetricKeyDetails?.namedCurve ?? ""];
  if (curve === undefined) throw new Error("its key is neither ECDSA (P-256, P-384) nor RSA");
  const { namedCurve, hash } = curve;
  const signingKey = key.toCryptoKey({ name: "ECDSA", namedCurve }, false, ["sign"]) as CryptoKey;
  return { signingKey, signingAlgorithm: { name: "ECDSA", hash } };
}

const CURVES: Readonly<Record<string, { readonly namedCurve: string; readonly hash: string }>> = {
  prime256v1: { namedCurve: "P-256", hash: "SHA-256" },
  secp384r1: { namedCurve: "P-384", hash: "SHA-384" },
};

function pemOf(cert: x509.X509Certificate): string {
  return `${cert.toString("pem")}\n`;
}

function keyPem(key: CryptoKey): string {
  return KeyObject.from(key as webcrypto.CryptoKey).export({ type: "pkcs8", format: "pem" }) as string;
}
