import { constants, hash } from "node:crypto";
import type { SecureContext } from "node:tls";
import { pemBlocks } from "../../config/pem-blocks.ts";
import { DEFAULT_CIPHERS, DEFAULT_CURVES } from "../../config/tls-options.ts";
import type { CertificateConfig, TlsConfig } from "../../config/tls-schema.ts";
import type { ClientHello } from "../../http/client-hello.ts";
import type { TlsContext, TlsSettings } from "../../http/tls-contract.ts";
import { nodeTls } from "../../lib/node-tls.ts";
import { acmeContext, isAcmeHello } from "./acme-context.ts";
import { HostTable } from "./host-table.ts";
import { type Requirement, Requirements, requirementHost } from "./requirements.ts";
import { ticketKeys } from "./ticket-keys.ts";

/** Certificates of one host, one of each kind of key. */
interface Shown {
  readonly id: string;
  readonly certificates: readonly CertificateConfig[];
}

/** The part of Node's context that is not in its types. */
interface NativeContext {
  setTicketKeys(keys: Uint8Array): void;
}

/** What HTTP listeners offer by ALPN, the preferred one first. */
const HTTP: readonly string[] = ["h2", "http/1.1"];

/** Contexts that a host of no certificate's or requirement's own may add at most; names come from clients. */
const LATER_MAX = 1_000;

/** All that a listener's TLS connections are made with: one context for each set of certificates and requirement. */
export class TlsContexts implements TlsSettings {
  readonly requirements: Requirements;
  /** The context of all connections, where hosts differ in nothing. */
  readonly only: TlsContext | undefined;
  readonly counted: (result: string) => void;
  readonly config: TlsConfig;
  /** What is decrypted is led on byte by byte: it is no HTTP. */
  readonly leads: boolean;
  readonly #alpn: Buffer;
  /** Folder with the answers to TLS-ALPN-01 challenges; undefined where none are expected. */
  readonly #challenges: string | undefined;
  readonly #byHost = new HostTable<Shown>(false);
  readonly #first: Shown;
  /** By the id of their certificates and requirement. */
  readonly #contexts = new Map<string, TlsContext>();
  readonly #before: ReadonlyMap<string, TlsContext> | undefined;
  #secret: Uint8Array;

  /** Takes over what is the same in `previous`. Throws OpenSSL's error for what it does not take. */
  constructor(
    config: TlsConfig,
    secret: Uint8Array,
    counted: (result: string) => void,
    previous?: TlsContexts,
    leads = false,
  ) {
    this.config = config;
    this.leads = leads;
    this.#secret = secretOf(config, secret);
    this.counted = counted;
    this.requirements = new Requirements(config.clients);
    this.#alpn = Buffer.concat(
      (config.alpn ?? (leads ? [] : HTTP)).map((name) =>
        Buffer.concat([Buffer.of(name.length), Buffer.from(name, "latin1")]),
      ),
    );
    if (config.certificates.length === 0)
      throw new Error("there is no certificate: what acme obtains is there only where torana run keeps it");
    const shown = groups(config.certificates);
    this.#first = shown[0]!.shown;
    for (const { host, shown: group } of shown) this.#byHost.add(host, group);
    this.#before = previous?.settingsId === this.settingsId ? previous.#contexts : undefined;
    for (const host of ["", ...this.#byHost.hosts, ...this.requirements.hosts])
      this.#of(this.#shownTo(host.replace(/^\*/, "x")), this.requirements.of(host.replace(/^\*/, "x")));
    this.#before = undefined;
    const alone = this.#contexts.size === 1 && this.requirements.uniform;
    this.#challenges = config.acme?.challenge === "tls-alpn-01" ? config.acme.storage : undefined;
    this.only = alone && this.#challenges === undefined ? [...this.#contexts.values()][0] : undefined;
  }

  /** Tells apart settings that every context is made with. */
  get settingsId(): string {
    const { minVersion, ciphers, curves } = this.config;
    const alpn = this.#alpn.toString("latin1");
    return JSON.stringify([minVersion, ciphers, curves, alpn, hash("sha256", this.#secret, "base64url")]);
  }

  choose(hello: ClientHello): TlsContext | undefined {
    const { serverName } = hello;
    if (this.#challenges !== undefined && isAcmeHello(hello))
      return acmeContext(this.#challenges, serverName);
    return this.#of(this.#shownTo(serverName), this.requirements.of(serverName));
  }

  /** Whether a request for an authority may come by a connection that was made under a requirement. */
  admits(authority: string, requirement: string): boolean {
    return this.requirements.of(requirementHost(authority)).id === requirement;
  }

  /** Tickets are made by another secret from now on, where they are not the config's own. */
  rotate(secret: Uint8Array): void {
    const next = secretOf(this.config, secret);
    if (Buffer.compare(next, this.#secret) === 0) return;
    this.#secret = next;
    for (const { secure, requirement } of this.#contexts.values())
      (secure.context as NativeContext).setTicketKeys(ticketKeys(this.#secret, requirement));
  }

  #shownTo(host: string): Shown {
    return this.#byHost.get(host) ?? this.#first;
  }

  #of(shown: Shown, asked: Requirement): TlsContext {
    const id = `${shown.id} ${asked.id}`;
    let context = this.#contexts.get(id);
    if (context === undefined) {
      context = this.#before?.get(id) ?? this.#make(shown, asked);
      if (this.#contexts.size < LATER_MAX + this.config.certificates.length * 4)
        this.#contexts.set(id, context);
    }
    return context;
  }

  #make({ certificates }: Shown, asked: Requirement): TlsContext {
    const { ocsp, about } = certificates[0]!;
    return {
      secure: this.#secure(certificates, asked),
      alpn: this.#alpn,
      ocsp: certificates.length > 1 || ocsp === undefined ? undefined : Buffer.from(ocsp, "base64"),
      ocspUntil: about?.ocspUntil,
      verify: asked.verify,
      requirement: asked.id,
    };
  }

  #secure(certificates: readonly CertificateConfig[], asked: Requirement): SecureContext {
    const { minVersion, ciphers, curves } = this.config;
    const crl =
      asked.crl === undefined ? [] : pemBlocks(asked.crl).filter(({ label }) => label === "X509 CRL");
    return nodeTls().createSecureContext({
      cert: certificates.map(({ cert }) => cert),
      key: certificates.map(({ key }) => key),
      // Left out, Node would add all CAs that it knows: any of them could vouch for a client.
      ca: asked.ca ?? [],
      ...(crl.length > 0 && { crl: crl.map(({ text }) => text) }),
      minVersion: `TLSv${minVersion}`,
      ciphers: (ciphers.length > 0 ? ciphers : DEFAULT_CIPHERS).join(":"),
      ecdhCurve: (curves.length > 0 ? curves : DEFAULT_CURVES).join(":"),
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      // A session of another requirement is none here (RFC 8446 §4.2.11 leaves it to the server).
      sessionIdContext: hash("sha256", `torana ${asked.id}`, "hex").slice(0, 32),
      ticketKeys: ticketKeys(this.#secret, asked.id),
    });
  }
}

/** Each host with the certificates that it is shown, in the order of the config. */
function groups(certificates: readonly CertificateConfig[]): { host: string; shown: Shown }[] {
  const byHost = new Map<string, CertificateConfig[]>();
  for (const one of certificates)
    for (const host of one.hosts.length > 0 ? one.hosts : [""]) {
      const there = byHost.get(host);
      if (there === undefined) byHost.set(host, [one]);
      else if (!there.some(({ about }) => about?.keyType === one.about?.keyType)) there.push(one);
    }
  const made = new Map<string, Shown>();
  return [...byHost].map(([host, shown]) => {
    const id = hash("sha256", JSON.stringify(shown.map(({ cert, ocsp }) => [cert, ocsp])), "base64url");
    if (!made.has(id)) made.set(id, { id, certificates: shown });
    return { host, shown: made.get(id)! };
  });
}

function secretOf({ tickets }: TlsConfig, secret: Uint8Array): Uint8Array {
  return tickets.key === undefined ? secret : Buffer.from(tickets.key, "base64");
}
