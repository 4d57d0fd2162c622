import type { TimeInput } from "./define.ts";

/** How a listener speaks TLS, as it is written. */
export interface TlsInput {
  readonly certificates?: readonly CertificateInput[];
  /** A certificate that is ordered and renewed by the gateway. */
  readonly acme?: AcmeInput;
  readonly minVersion?: "1.2" | "1.3";
  readonly ciphers?: readonly string[];
  readonly curves?: readonly string[];
  readonly alpn?: readonly ("h2" | "http/1.1")[];
  readonly clients?: readonly ClientsInput[];
  readonly tickets?: { readonly key?: string };
  readonly hsts?: TimeInput | HstsInput;
}

/** That browsers shall come by https only (RFC 6797). */
export interface HstsInput {
  readonly maxAge: TimeInput;
  readonly includeSubdomains?: boolean;
  readonly preload?: boolean;
}

/** A certificate and its key: files, or PEM text, or what gives both. */
export type CertificateInput =
  | {
      readonly cert: string;
      readonly key: string;
      readonly ocsp?: string;
      readonly hosts?: readonly string[];
    }
  | { readonly source: string; readonly options?: unknown; readonly hosts?: readonly string[] };

/** What clients must show. */
export interface ClientsInput {
  readonly hosts?: readonly string[];
  readonly verify?: "required" | "optional";
  readonly ca: string;
  readonly crl?: string;
}

/** A certificate from a CA by ACME. */
export interface AcmeInput {
  readonly hosts: readonly string[];
  readonly email?: string;
  readonly directory?: string;
  readonly ca?: string;
  readonly storage?: string;
  readonly challenge?: "http-01" | "tls-alpn-01";
  readonly terms: true;
  readonly binding?: { readonly kid: string; readonly key: string };
}

/** How https endpoints of a service are spoken to. */
export interface ServiceTlsInput {
  readonly ca?: string;
  readonly serverName?: string;
  readonly cert?: string;
  readonly key?: string;
  /** `sha256/…`, of the public key. */
  readonly pins?: readonly string[];
  readonly minVersion?: "1.2" | "1.3";
  readonly verify?: boolean;
}
