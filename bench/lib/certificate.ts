/** Certificates for the proxies, made by openssl for one run. */
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BenchFailure } from "./failure.ts";

/** The host that all certificates are for. */
export const HOST = "shop.example";

const NAMES = `subjectAltName=DNS:${HOST},DNS:localhost,IP:127.0.0.1`;

export interface Certificate {
  /** File with the certificate, in PEM. */
  readonly cert: string;
  /** File with its private key, in PEM. */
  readonly key: string;
  /** The certificate in PEM: what a client that checks it believes. */
  readonly text: string;
  /** SHA-256 of the certificate, as node:tls tells it. */
  readonly fingerprint: string;
}

/** Makes a self-signed ECDSA P-256 certificate: NAME.pem and NAME.key in the folder. */
export function makeCertificate(folder: string, name: string): Certificate {
  const cert = join(folder, `${name}.pem`);
  const key = join(folder, `${name}.key`);
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256"];
  const says = ["-days", "30", "-subj", `/CN=${HOST}`, "-addext", NAMES];
  try {
    execFileSync("openssl", ["req", "-x509", ...kind, ...says, "-keyout", key, "-out", cert], {
      stdio: ["ignore", "ignore", "pipe"],
    });
  } catch (error) {
    throw new BenchFailure(`openssl made no certificate: ${error instanceof Error ? error.message : error}`);
  }
  const text = readFileSync(cert, "utf8");
  return { cert, key, text, fingerprint: new X509Certificate(text).fingerprint256 };
}
