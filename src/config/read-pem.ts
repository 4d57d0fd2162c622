import { readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { acmeCertificateFile } from "./acme-files.ts";
import type { AcmeConfig } from "./acme-schema.ts";
import {
  checkAuthorities,
  checkOcsp,
  checkPair,
  checkRevocations,
  checkTime,
  hostsOf,
  PemProblem,
  readCertificates,
  readPrivateKey,
} from "./check-certificate.ts";
import type { Documents } from "./documents.ts";
import { plainSerial } from "./ocsp.ts";
import { isPemText } from "./pem-blocks.ts";
import type { Origin } from "./problem.ts";
import { obtainedCertificate } from "./read-acme.ts";
import type { Config, ServiceConfig } from "./schema.ts";
import { isOutside } from "./substitute.ts";
import { isCipher, isCurve } from "./tls-options.ts";
import type { CertificateConfig, ClientsConfig, ServiceTlsConfig, TlsConfig } from "./tls-schema.ts";

/** Bytes of a file with certificates at most: bundles of CAs are the largest. */
const MAX_FILE = 4 * 1_048_576;

/**
 * The config with what the files of its `tls` hold in place of their names, all checked: what is wrong is added to the
 * documents' findings, the files to those that are watched, private keys to the secrets.
 */
export function readPem(config: Config, mainFile: string, documents: Documents): Config {
  const reader = new PemReader(documents, mainFile);
  const listeners = config.listeners.map((listener, i) => {
    if (listener.tls === undefined) return listener;
    const at = { file: mainFile, path: ["listeners", i, "tls"] };
    return { ...listener, tls: reader.listener(listener.tls, at) };
  });
  const speaking = Object.entries(config.services).filter(([, { tls }]) => tls !== undefined);
  if (speaking.length === 0) return { ...config, listeners };
  const services: Record<string, ServiceConfig> = { ...config.services };
  for (const [name, service] of speaking) {
    const { file, path } = service.origin ?? { file: mainFile, path: ["services", name] };
    services[name] = { ...service, tls: reader.service(service.tls!, { file, path: [...path, "tls"] }) };
  }
  return { ...config, listeners, services };
}

class PemReader {
  readonly #documents: Documents;
  readonly #mainFile: string;
  readonly #now = Date.now();

  constructor(documents: Documents, mainFile: string) {
    this.#documents = documents;
    this.#mainFile = mainFile;
  }

  listener(tls: TlsConfig, at: Origin): TlsConfig {
    for (const [i, name] of tls.ciphers.entries())
      if (!isCipher(name))
        this.#add(below(at, "ciphers", i), `OpenSSL knows no cipher suite ${JSON.stringify(name)}`, CIPHERS);
    for (const [i, name] of tls.curves.entries())
      if (!isCurve(name))
        this.#add(below(at, "curves", i), `OpenSSL knows no group ${JSON.stringify(name)}`, CURVES);
    if (tls.certificates.length === 0 && tls.acme === undefined)
      this.#add(at, "names no certificate", "write certificates: [{ cert: shop.pem, key: shop.key }]");
    const certificates = tls.certificates.map((one, i) =>
      this.#certificate(one, below(at, "certificates", i)),
    );
    this.#checkHosts(certificates, at);
    const acme = tls.acme && this.#acme(tls.acme, certificates, below(at, "acme"));
    const obtained = acme && obtainedCertificate(acme, this.#now);
    if (obtained !== undefined) {
      this.#noteKey(obtained.key, below(at, "certificates", certificates.length, "key"));
      certificates.push(obtained);
    }
    const clients = tls.clients.map((one, i) => this.#clients(one, below(at, "clients", i)));
    const key = this.#ticketKey(tls.tickets.key, below(at, "tickets", "key"));
    return { ...tls, certificates, acme, clients, tickets: { ...tls.tickets, key } };
  }

  service(tls: ServiceTlsConfig, at: Origin): ServiceTlsConfig {
    const ca = this.#authorities(tls.ca, below(at, "ca"));
    if ((tls.cert === undefined) !== (tls.key === undefined))
      this.#add(at, "names only one of cert and key", "write both, or neither");
    if (tls.cert === undefined || tls.key === undefined) return { ...tls, ca };
    const { cert, key } = this.#certificate({ cert: tls.cert, key: tls.key, hosts: [] }, at);
    return { ...tls, ca, cert, key };
  }

  #certificate(written: CertificateConfig, at: Origin): CertificateConfig {
    const atCert = below(at, "cert");
    const cert = this.#text(written.cert, atCert);
    const key = this.#text(written.key, below(at, "key"));
    if (key !== undefined) this.#noteKey(key, below(at, "key"));
    const chain = cert === undefined ? undefined : this.#take(readCertificates(cert), written.cert, atCert);
    const secret =
      key === undefined ? undefined : this.#take(readPrivateKey(key), written.key, below(at, "key"));
    const leaf = chain?.[0];
    if (leaf === undefined || secret === undefined) return written;
    this.#take(checkTime(leaf, this.#now), written.cert, atCert);
    if (!leaf.checkPrivateKey(secret))
      this.#add(
        below(at, "key"),
        `${named(written.key)} does not belong to the certificate`,
        "name the key that the certificate was made with; the host's own certificate stands first in its file",
      );
    else this.#take(checkPair(cert!, key!), written.cert, atCert);
    const ocsp = this.#ocsp(written.ocsp, leaf, below(at, "ocsp"));
    const hosts = written.hosts.length > 0 ? written.hosts : hostsOf(leaf);
    return {
      cert: cert!,
      key: key!,
      ocsp: ocsp?.der,
      hosts,
      about: {
        keyType: secret.asymmetricKeyType ?? "",
        serial: plainSerial(leaf.serialNumber),
        label: isPemText(written.cert) ? (hosts[0] ?? "") : written.cert,
        notAfter: leaf.validToDate.getTime(),
        ocspUntil: ocsp?.until,
      },
    };
  }

  #noteKey(key: string, at: Origin): void {
    this.#documents.noteSecret(at, key);
    this.#documents.noteSecret(at, JSON.stringify(key).slice(1, -1));
  }

  /** The storage as an absolute path, whose certificate is watched; the CA's own certificates as text. */
  #acme(written: AcmeConfig, others: readonly CertificateConfig[], at: Origin): AcmeConfig {
    for (const [i, host] of written.hosts.entries())
      if (others.some(({ hosts, about }) => hosts.includes(host) && about?.keyType === "ec"))
        this.#add(
          below(at, "hosts", i),
          `${host} has a certificate of a file already`,
          "leave one of them out: ACME makes ECDSA keys",
        );
    const storage = resolve(dirname(at.file), written.storage);
    const acme = { ...written, storage, ca: this.#authorities(written.ca, below(at, "ca")) };
    this.#documents.noteFile(acmeCertificateFile(acme));
    if (acme.binding !== undefined) this.#documents.noteSecret(below(at, "binding", "key"), acme.binding.key);
    return acme;
  }

  #ocsp(
    written: string | undefined,
    leaf: Parameters<typeof checkOcsp>[1],
    at: Origin,
  ): { der: string; until: number | undefined } | undefined {
    if (written === undefined) return undefined;
    const der = this.#bytes(written, at);
    if (der === undefined) return undefined;
    const answer = this.#take(checkOcsp(der, leaf, this.#now), written, at);
    return answer && { der: der.toString("base64"), until: answer.nextUpdate };
  }

  /** Two certificates of one kind for one host: only one could be shown. */
  #checkHosts(certificates: readonly CertificateConfig[], at: Origin): void {
    const taken = new Map<string, number>();
    const stapled = new Map<string, boolean>();
    for (const [i, { hosts, about, ocsp }] of certificates.entries())
      for (const host of hosts) {
        const before = taken.get(`${host} ${about?.keyType}`);
        if (before !== undefined && about !== undefined)
          this.#add(
            below(at, "certificates", i),
            `is for ${host} with a key of the same kind as certificate ${before + 1}`,
            "leave one of them out, or tell their hosts apart by hosts",
          );
        taken.set(`${host} ${about?.keyType}`, i);
        if (stapled.has(host) && (ocsp !== undefined || stapled.get(host) === true))
          this.#add(
            below(at, "certificates", i),
            `has an OCSP answer beside another certificate for ${host}`,
            "leave ocsp out where a host has certificates of two kinds",
          );
        stapled.set(host, ocsp !== undefined || stapled.get(host) === true);
      }
  }

  #clients(written: ClientsConfig, at: Origin): ClientsConfig {
    const ca = this.#authorities(written.ca, below(at, "ca")) ?? written.ca;
    if (written.crl === undefined) return { ...written, ca };
    const crl = this.#text(written.crl, below(at, "crl"));
    if (crl !== undefined) this.#take(checkRevocations(crl), written.crl, below(at, "crl"));
    return { ...written, ca, crl: crl ?? written.crl };
  }

  #authorities(written: string | undefined, at: Origin): string | undefined {
    const text = written === undefined ? undefined : this.#text(written, at);
    if (written === undefined || text === undefined) return undefined;
    const read = this.#take(readCertificates(text), written, at);
    if (read !== undefined) this.#take(checkAuthorities(read, this.#now), written, at);
    return text;
  }

  /** 48 octets in base64: as they are in a file, or written in base64 there or in the config. */
  #ticketKey(written: string | undefined, at: Origin): string | undefined {
    if (written === undefined) return undefined;
    const here = octetsOf(written);
    const bytes = here ?? this.#bytes(written, at);
    if (bytes === undefined) return undefined;
    const octets = bytes.length === 48 ? bytes : octetsOf(bytes.toString("latin1").trim());
    if (octets === undefined) {
      this.#add(at, `${named(written)} does not hold 48 bytes`, "make it by: openssl rand -base64 48");
      return undefined;
    }
    const key = octets.toString("base64");
    this.#documents.noteSecret(at, key);
    return key;
  }

  /** What a check gives; undefined where it found something, which is noted. */
  #take<T>(result: T | PemProblem, written: string, at: Origin): T | undefined {
    if (!(result instanceof PemProblem)) return result;
    this.#add(at, `${named(written)} ${result.reason}`, result.cure);
    return undefined;
  }

  /** PEM text: as it is written, or that of the file that is named. */
  #text(written: string, at: Origin): string | undefined {
    return isPemText(written) ? written : this.#bytes(written, at)?.toString("latin1");
  }

  #bytes(written: string, at: Origin): Buffer | undefined {
    const file = resolve(dirname(at.file), written);
    const { folder } = this.#documents;
    this.#documents.noteFile(file);
    const refuse = (reason: string, cure: string): undefined =>
      this.#add(at, `${named(written)} ${reason}`, cure);
    try {
      const real = realpathSync(file);
      if (folder !== undefined && at.file !== this.#mainFile && isOutside(folder, real))
        return refuse(
          "lies outside the folder of the main config",
          "an included file reads only what lies below that folder",
        );
      const stat = statSync(real);
      if (!stat.isFile()) return refuse("is not a plain file", "name the file itself");
      if (stat.size > MAX_FILE)
        return refuse("is larger than 4 MiB", "name a file with certificates or a key");
      return readFileSync(real);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "?";
      return refuse(
        `cannot be read (${code})`,
        code === "EACCES" ? "let this user read it" : "make it; its path begins at the config file",
      );
    }
  }

  #add(at: Origin, reason: string, cure: string): undefined {
    this.#documents.findings.add(at, reason, cure);
    return undefined;
  }
}

const CIPHERS = "write a name of those that openssl ciphers lists, or leave ciphers out";
const CURVES = "write X25519, prime256v1, secp384r1, secp521r1, X448 or X25519MLKEM768";

function below({ file, path }: Origin, ...keys: readonly PropertyKey[]): Origin {
  return { file, path: [...path, ...keys] };
}

/** How a value is called in a problem: never by its content. */
function named(written: string): string {
  if (isPemText(written) || octetsOf(written) !== undefined) return "the text here";
  return `the file ${written.length > 200 ? `${written.slice(0, 200)}…` : written}`;
}

/** 48 octets that are written in base64. */
function octetsOf(text: string): Buffer | undefined {
  return /^[A-Za-z0-9+/]{64}$/.test(text) ? Buffer.from(text, "base64") : undefined;
}
