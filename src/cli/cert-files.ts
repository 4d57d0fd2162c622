import { createPrivateKey, randomBytes, X509Certificate } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import type { KeyedCertificate } from "../lib/x509.ts";

/** For how long a new CA is valid, in days. */
const CA_DAYS = 3_650;
const DAY = 86_400_000;

/** Where the parts of a certificate for trying things out lie, and what it is for. */
export interface DevCertificate {
  readonly hosts: readonly string[];
  /** Paths of the files. */
  readonly ca: string;
  readonly caKey: string;
  readonly cert: string;
  readonly key: string;
  /** The CA was made now; else it was there already. */
  readonly newCa: boolean;
  /** Until when it is valid. */
  readonly until: Date;
}

/** What keeps a certificate from being made, in words, with the cure. */
export class CertFileError extends Error {}

/**
 * Makes a certificate for hosts in a folder, by the CA that is there or by a new one. Keys are readable by this user only.
 * Throws a CertFileError.
 */
export async function makeDevCertificate(
  hosts: readonly string[],
  out: string,
  days: number,
): Promise<DevCertificate> {
  const { createAuthority, createCertificate } = await import("../lib/x509.ts");
  const name = fileName(hosts[0]!);
  const files = {
    ca: join(out, "ca.pem"),
    caKey: join(out, "ca.key"),
    cert: join(out, `${name}.pem`),
    key: join(out, `${name}.key`),
  };
  const there = existingAuthority(files.ca, files.caKey);
  try {
    mkdirSync(out, { recursive: true });
    const authority = there ?? (await createAuthority(authorityName(), CA_DAYS));
    if (there === undefined) {
      replace(files.caKey, authority.key, 0o600);
      replace(files.ca, authority.cert, 0o644);
    }
    const made = await createCertificate(hosts, days, authority);
    // The key first: a gateway that watches both reads again when the certificate follows.
    replace(files.key, made.key, 0o600);
    replace(files.cert, made.cert, 0o644);
    const until = new Date(new X509Certificate(made.cert).validTo);
    return { hosts, ...files, newCa: there === undefined, until };
  } catch (error) {
    throw new CertFileError((error as Error).message);
  }
}

/** `localhost`, `_wildcard.shop.test`, `--1`. `ca` is taken. */
function fileName(host: string): string {
  const name = host.replace("*", "_wildcard").replaceAll(":", "-");
  return name === "ca" ? "ca.host" : name;
}

function authorityName(): string {
  return `Torana local CA of ${userName()}@${hostname()}`.slice(0, 64);
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return "somebody";
  }
}

/** The CA of a folder; undefined where there is none. Throws a CertFileError where it cannot be used. */
function existingAuthority(certFile: string, keyFile: string): KeyedCertificate | undefined {
  const cert = read(certFile);
  const key = read(keyFile);
  if (cert === undefined && key === undefined) return undefined;
  const cure = `remove ${certFile} and ${keyFile} for a new CA, or choose another folder by --out`;
  if (cert === undefined || key === undefined)
    throw new CertFileError(
      `${cert === undefined ? certFile : keyFile} is missing beside its other half; ${cure}`,
    );
  let problem: string | undefined;
  try {
    problem = unusable(new X509Certificate(cert), key);
  } catch (error) {
    problem = `cannot be read (${(error as Error).message})`;
  }
  if (problem !== undefined) throw new CertFileError(`the CA in ${certFile} ${problem}; ${cure}`);
  return { cert, key };
}

function unusable(certificate: X509Certificate, key: string): string | undefined {
  if (!certificate.ca) return "is not a CA's certificate";
  if (!certificate.checkPrivateKey(createPrivateKey(key))) return "does not belong to the key beside it";
  if (Date.parse(certificate.validTo) < Date.now() + DAY) return `is valid only until ${certificate.validTo}`;
  return undefined;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new CertFileError((error as Error).message);
  }
}

/** Writes beside and renames: nobody sees half a file. */
function replace(file: string, text: string, mode: number): void {
  const beside = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    writeFileSync(beside, text, { mode, flag: "wx" });
    renameSync(beside, file);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}
