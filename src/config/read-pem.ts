import { dirname, resolve } from "node:path";
import { acmeCertificateFile } from "./acme-files.ts";
import type { AcmeConfig } from "./acme-schema.ts";
import { RETRY, type Sourced } from "./ask-sources.ts";
import type { SourcedCertificate } from "./certificate-source.ts";
import {
  checkAuthorities,
  checkEnd,
  checkOcsp,
  checkPair,
  checkRevocations,
  checkTime,
  hostsOf,
  readCertificates,
  readPrivateKey,
} from "./check-certificate.ts";
import type { Documents } from "./documents.ts";
import type { Findings } from "./findings.ts";
import { plainSerial } from "./ocsp.ts";
import { isPemText } from "./pem-blocks.ts";
import { named, octetsOf, PemFiles } from "./pem-files.ts";
import type { Origin } from "./problem.ts";
import { obtainedCertificate } from "./read-acme.ts";
import type { Config, ServiceConfig } from "./schema.ts";
import { isCipher, isCurve } from "./tls-options.ts";
import type { CertificateConfig, ClientsConfig, ServiceTlsConfig, TlsConfig } from "./tls-schema.ts";

/**
 * The config with what the files of its `tls` hold in place of their names, all checked: what is wrong is added to the
 * documents' findings, what serves but has ended to the warnings, the files to those that are watched, private keys to the
 * secrets.
 */
export function readPem(config: Config, mainFile: string, documents: Documents, warnings: Findings): Config {
  const files = new PemFiles(documents, mainFile, Date.now());
  const read = readAll(config, mainFile, new PemReader(documents, files, warnings));
  documents.unsettled = files.unsettled;
  return read;
}

function readAll(config: Config, mainFile: string, reader: PemReader): Config {
  const listeners = config.listeners.map((listener, i) => {
    if (listener.tls === undefined) return listener;
    const at = { file: mainFile, path: ["listeners", i, "tls"] };
    return { ...listener, tls: reader.listener(listener.tls, at) };
  });
  const stores = reader.stores(config.stores, mainFile);
  const speaking = Object.entries(config.services).filter(([, { tls }]) => tls !== undefined);
  if (speaking.length === 0) return { ...config, listeners, stores };
  const services: Record<string, ServiceConfig> = { ...config.services };
  for (const [name, service] of speaking) {
    const { file, path } = service.origin ?? { file: mainFile, path: ["services", name] };
    services[name] = { ...service, tls: reader.service(service.tls!, { file, path: [...path, "tls"] }) };
  }
  return { ...config, listeners, services, stores };
}

class PemReader {
  readonly #documents: Documents;
  readonly #files: PemFiles;
  readonly #warnings: Findings;
  readonly #now = Date.now();

  constructor(documents: Documents, files: PemFiles, warnings: Findings) {
    this.#documents = documents;
    this.#files = files;
    this.#warnings = warnings;
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

  stores(written: Config["stores"], file: string): Config["stores"] {
    const read = Object.entries(written).map(([name, store]) => {
      const { ca, ...redis } = store.redis;
      if (ca === undefined) return [name, store] as const;
      const at = { file, path: ["stores", name, "redis", "ca"] };
      return [name, { ...store, redis: { ...redis, ca: this.#authorities(ca, at) ?? ca } }] as const;
    });
    return Object.fromEntries(read);
  }

  #certificate(written: CertificateConfig, at: Origin): CertificateConfig {
    const { source, hosts, ocsp } = written;
    if (source === undefined)
      return this.#pair(written, ocsp, at, { cert: named(written.cert), key: named(written.key) });
    const [, listener, , , certificate] = at.path;
    const sourced = this.#documents.sourced.get(`${String(listener)} ${String(certificate)}`);
    const given = this.#given(source, sourced, at);
    if (sourced === undefined || given === undefined) return written;
    const names = { cert: `what ${source} gives as cert`, key: `what ${source} gives as key` };
    const wrong = this.#files.wrong;
    const read = this.#pair({ cert: given.cert, key: given.key, hosts }, given.ocsp, at, names);
    if (this.#files.wrong > wrong) sourced.again = RETRY;
    return read;
  }

  /** What a source gave; undefined where it failed, which is told. */
  #given(source: string, sourced: Sourced | undefined, at: Origin): SourcedCertificate | undefined {
    const where = below(at, "source");
    if (sourced === undefined)
      return this.#add(where, "cannot be asked here", "read the config from its file, or name cert and key");
    for (const file of sourced.files) this.#documents.noteFile(file);
    const given = sourced.certificate;
    if ("cert" in given) return given;
    return this.#add(where, `the source ${source} ${given.reason}`, given.cure);
  }

  /** A certificate and its key, in files or as text; `names` are what problems call them. */
  #pair(
    written: CertificateConfig,
    stapled: Uint8Array | string | undefined,
    at: Origin,
    names: { readonly cert: string; readonly key: string },
  ): CertificateConfig {
    const files = this.#files;
    const [atCert, atKey] = [below(at, "cert"), below(at, "key")];
    const cert = files.text(written.cert, atCert);
    const key = files.text(written.key, atKey);
    if (key !== undefined) this.#noteKey(key, atKey);
    const chain = cert === undefined ? undefined : files.take(readCertificates(cert), names.cert, atCert);
    const secret = key === undefined ? undefined : files.take(readPrivateKey(key), names.key, atKey);
    const leaf = chain?.[0];
    if (leaf === undefined || secret === undefined) return written;
    files.take(checkTime(leaf, this.#now), names.cert, atCert);
    if (!leaf.checkPrivateKey(secret))
      this.#add(
        atKey,
        `${names.key} does not belong to the certificate`,
        "name the key that the certificate was made with; the host's own certificate stands first in its file",
      );
    else files.take(checkPair(cert!, key!), names.cert, atCert);
    const ocsp = this.#ocsp(stapled, leaf, below(at, "ocsp"));
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

  /** One that has ended is not handed out: clients would refuse it, and do well without. */
  #ocsp(
    written: Uint8Array | string | undefined,
    leaf: Parameters<typeof checkOcsp>[1],
    at: Origin,
  ): { der: string | undefined; until: number | undefined } | undefined {
    if (written === undefined) return undefined;
    const der = typeof written === "string" ? this.#files.bytes(written, at) : Buffer.from(written);
    if (der === undefined) return undefined;
    const name = typeof written === "string" ? named(written) : "the OCSP answer of the source";
    const answer = this.#files.take(checkOcsp(der, leaf), name, at);
    if (answer === undefined) return undefined;
    const until = answer.nextUpdate;
    const ended = checkEnd(until, this.#now);
    if (ended === undefined) return { der: der.toString("base64"), until };
    this.#warnings.add(at, `${name} ${ended}: it is not handed out`, "fetch it again from the CA");
    return { der: undefined, until };
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
    const atList = below(at, "crl");
    const name = named(written.crl);
    const crl = this.#files.text(written.crl, atList);
    const read = crl === undefined ? undefined : this.#files.take(checkRevocations(crl), name, atList);
    if (crl === undefined || read === undefined) return { ...written, ca };
    const { until } = read;
    const ended = checkEnd(until, this.#now);
    if (ended !== undefined)
      this.#warnings.add(
        atList,
        `${name} ${ended}: every client certificate is refused until there is a new one`,
        "fetch it again from the CA, and again before it ends",
      );
    return { ...written, ca, crl, lists: { label: isPemText(written.crl) ? "text" : written.crl, until } };
  }

  #authorities(written: string | undefined, at: Origin): string | undefined {
    const text = written === undefined ? undefined : this.#files.text(written, at);
    if (written === undefined || text === undefined) return undefined;
    const read = this.#files.take(readCertificates(text), named(written), at);
    if (read !== undefined) this.#files.take(checkAuthorities(read, this.#now), named(written), at);
    return text;
  }

  /** 48 octets in base64: as they are in a file, or written in base64 there or in the config. */
  #ticketKey(written: string | undefined, at: Origin): string | undefined {
    if (written === undefined) return undefined;
    const here = octetsOf(written);
    const bytes = here ?? this.#files.bytes(written, at);
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

  #add(at: Origin, reason: string, cure: string): undefined {
    return this.#files.add(at, reason, cure);
  }
}

const CIPHERS = "write a name of those that openssl ciphers lists, or leave ciphers out";
const CURVES = "write X25519, prime256v1, secp384r1, secp521r1, X448 or X25519MLKEM768";

function below({ file, path }: Origin, ...keys: readonly PropertyKey[]): Origin {
  return { file, path: [...path, ...keys] };
}
