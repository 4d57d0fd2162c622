import { X509Certificate } from "node:crypto";
import { acmeCertificateFile } from "../../config/acme-files.ts";
import type { AcmeConfig } from "../../config/acme-schema.ts";
import { listed } from "../../config/read-acme.ts";
import type { ListenerConfig } from "../../config/schema.ts";
import { createSelfSigned, type KeyedCertificate } from "../../lib/x509.ts";
import type { ConfigUpdate } from "../protocol.ts";

const DAYS = 365;
const DAY = 86_400_000;

/** Certificates of the gateway's own making, which nobody trusts: something to answer with until a CA has given one. */
export class StandIns {
  readonly #made = new Map<string, { readonly certificate: KeyedCertificate; readonly until: number }>();
  readonly #log: (line: string) => void;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  /** An update whose listeners all have a certificate; keys that are added are among its secrets. */
  async fill(update: ConfigUpdate): Promise<ConfigUpdate> {
    const keys: string[] = [];
    const listeners: ListenerConfig[] = [];
    for (const listener of update.base.listeners) {
      const { tls } = listener;
      if (tls?.acme === undefined || names(tls.certificates, tls.acme.hosts[0]!)) {
        listeners.push(listener);
        continue;
      }
      const { hosts } = tls.acme;
      const made = await this.#of(tls.acme);
      keys.push(made.key, JSON.stringify(made.key).slice(1, -1));
      const certificates = [...tls.certificates, listed(made, hosts, `stand-in for ${hosts[0]}`)];
      listeners.push({ ...listener, tls: { ...tls, certificates } });
    }
    const { places, texts } = update.secrets;
    return {
      ...update,
      base: { ...update.base, listeners },
      secrets: { places, texts: [...new Set([...texts, ...keys])] },
    };
  }

  async #of(acme: AcmeConfig): Promise<KeyedCertificate> {
    const file = acmeCertificateFile(acme);
    const there = this.#made.get(file);
    if (there !== undefined && there.until > Date.now()) return there.certificate;
    const certificate = await createSelfSigned(acme.hosts, DAYS);
    this.#made.set(file, { certificate, until: Date.now() + (DAYS - 1) * DAY });
    this.#log(
      `acme: ${acme.hosts[0]} is served by a certificate that nobody trusts until the CA has given one`,
    );
    return certificate;
  }
}

/** Whether one of the certificates is for a host. */
function names(certificates: readonly { readonly cert: string }[], host: string): boolean {
  return certificates.some(({ cert }) => new X509Certificate(cert).checkHost(host) !== undefined);
}
