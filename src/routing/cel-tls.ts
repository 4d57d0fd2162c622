import type { ClientCertificate, PeerTls } from "../lib/request.ts";

const NO_NAMES: readonly string[] = [];
const NEVER = new Date(0);

/** `tls` as expressions see it: texts, empty without TLS. */
export class CelTls {
  readonly version: string;
  readonly cipher: string;
  readonly serverName: string;
  readonly alpn: string;

  constructor(tls: PeerTls | undefined) {
    this.version = tls?.protocol ?? "";
    this.cipher = tls?.cipher ?? "";
    this.serverName = tls?.serverName ?? "";
    this.alpn = tls?.alpn ?? "";
  }
}

/** `clientCertificate` as expressions see it: what was verified; empty where the client showed none. */
export class CelClientCertificate {
  readonly #certificate: ClientCertificate | undefined;

  constructor(certificate: ClientCertificate | undefined) {
    this.#certificate = certificate;
  }

  get subject(): string {
    return this.#certificate?.subject ?? "";
  }

  get issuer(): string {
    return this.#certificate?.issuer ?? "";
  }

  get san(): readonly string[] {
    return this.#certificate?.names ?? NO_NAMES;
  }

  get spiffe(): string {
    return this.#certificate?.spiffeId ?? "";
  }

  get fingerprint(): string {
    return this.#certificate?.fingerprint ?? "";
  }

  /** 1970 where there is none. */
  get notAfter(): Date {
    return this.#certificate === undefined ? NEVER : new Date(this.#certificate.notAfter);
  }
}

const NO_TLS = new CelTls(undefined);
const NO_CERTIFICATE = new CelClientCertificate(undefined);

/** What an expression is given as `tls`. */
export function celTls(tls: PeerTls | undefined): CelTls {
  return tls === undefined ? NO_TLS : new CelTls(tls);
}

/** What an expression is given as `clientCertificate`. */
export function celClientCertificate(certificate: ClientCertificate | undefined): CelClientCertificate {
  return certificate === undefined ? NO_CERTIFICATE : new CelClientCertificate(certificate);
}
