import { z } from "zod";
import { type AcmeConfig, acme } from "./acme-schema.ts";
import { duration, hostName } from "./values.ts";

/** How a listener speaks TLS. Files are read: `cert`, `key`, `ca` and `crl` hold PEM text, `ocsp` base64. */
export interface TlsConfig {
  readonly certificates: readonly CertificateConfig[];
  /** A certificate that a CA gives by ACME; once it is there, it is the last of the certificates. */
  readonly acme?: AcmeConfig | undefined;
  readonly minVersion: TlsVersion;
  /** OpenSSL's names, TLS 1.3's among them; empty for the default. */
  readonly ciphers: readonly string[];
  /** Groups for key exchange, the preferred one first; empty for the default. */
  readonly curves: readonly string[];
  readonly alpn?: readonly AlpnProtocol[] | undefined;
  readonly clients: readonly ClientsConfig[];
  readonly tickets: { readonly key: string | undefined };
  /** What Strict-Transport-Security says on every answer; undefined for nothing. */
  readonly hsts?: HstsConfig | undefined;
}

/** That browsers shall come by https only (RFC 6797). */
export interface HstsConfig {
  /** For how long, in milliseconds. */
  readonly maxAge: number;
  /** To the hosts below this one as well. */
  readonly includeSubdomains: boolean;
  /** Browsers may bring this with them. */
  readonly preload: boolean;
}

/** A certificate with its chain and its key. */
export interface CertificateConfig {
  /** The host's own certificate, then those that lead to a CA. */
  readonly cert: string;
  readonly key: string;
  /** What the CA said about it, to be handed to clients (RFC 6960). */
  readonly ocsp?: string | undefined;
  /** Hosts that it is shown to: as written, or once it is read those that it names. */
  readonly hosts: readonly string[];
  /** The file whose source gives it, and what that one is told; not there any more once it is read. */
  readonly source?: string | undefined;
  readonly options?: unknown;
  /** What it says of itself; there once it is read. */
  readonly about?: CertificateFacts | undefined;
}

/** What a certificate says of itself. */
export interface CertificateFacts {
  /** "rsa", "ec", "ed25519": certificates of different kinds stand side by side for one host. */
  readonly keyType: string;
  /** In lower-case hex. */
  readonly serial: string;
  /** The file that it was read from, or the first host. */
  readonly label: string;
  /** End of its life, in milliseconds since 1970; that of its OCSP answer as well, where there is one. */
  readonly notAfter: number;
  readonly ocspUntil: number | undefined;
}

/** What clients must show. */
export interface ClientsConfig {
  /** Hosts for which it holds; empty for all. */
  readonly hosts: readonly string[];
  readonly verify: "required" | "optional";
  /** Certificates of the CAs that are believed. */
  readonly ca: string;
  /** Lists of what they have revoked. */
  readonly crl?: string | undefined;
  /** What these lists say of themselves; there once they are read. */
  readonly lists?: RevocationFacts | undefined;
}

/** What revocation lists say of themselves. */
export interface RevocationFacts {
  /** The file that they were read from, or "text". */
  readonly label: string;
  /** When the first of them ends, in milliseconds since 1970: from then on every client certificate is refused. */
  readonly until: number | undefined;
}

/** How a service is spoken to by TLS; files are read as a listener's are. */
export interface ServiceTlsConfig {
  readonly ca?: string | undefined;
  /** Name that is asked for and that the certificate must have; undefined for the endpoint's host. */
  readonly serverName?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** `sha256/…`: the hash of a public key, in base64, one of which the service must have. */
  readonly pins: readonly string[];
  readonly minVersion: TlsVersion;
  readonly verify: boolean;
}

export type TlsVersion = "1.2" | "1.3";
export type AlpnProtocol = "h2" | "http/1.1";

const FILE = "a file, relative to this one, or PEM text by ${env:…} or ${file:…}";

function pem(what: string, file: string): z.ZodType<string> {
  return z
    .string()
    .min(1)
    .meta({ title: "a file or PEM text", examples: [file] })
    .describe(`${what}: ${FILE}.`);
}

const minVersion: z.ZodType<TlsVersion> = z
  .enum(["1.2", "1.3"])
  .default("1.2")
  .describe("The oldest TLS that is spoken: 1.2 (default) or 1.3.") as unknown as z.ZodType<TlsVersion>;

const certificate = z.strictObject({
  cert: pem("The certificate, then those that lead to its CA", "certs/shop.pem").optional(),
  key: pem("Its private key, without a passphrase", "certs/shop.key").optional(),
  source: z
    .string()
    .regex(/^\.{0,2}\/.*\.m?[tj]s$/, "not a source; write the path of a file: ./vault.ts")
    .optional()
    .meta({ examples: ["./vault.ts"] })
    .describe("In place of cert and key: a file that exports what gives them, by defineCertificateSource."),
  options: z.unknown().optional().describe("What the source is told."),
  ocsp: z
    .string()
    .min(1)
    .optional()
    .describe("A file with the CA's OCSP answer about it (DER), handed to clients that ask."),
  hosts: z.array(hostName).default([]).describe("Hosts that it is for, where not those that it names."),
});

const clients = z.strictObject({
  hosts: z.array(hostName).default([]).describe("Hosts for which this holds; left out: all."),
  verify: z
    .enum(["required", "optional"])
    .default("required")
    .describe("Whether a client must show a certificate (default), or may."),
  ca: pem("Certificates of the CAs that are believed", "certs/clients-ca.pem"),
  crl: pem("Lists of what these CAs have revoked", "certs/clients.crl").optional(),
});

const hsts = z
  .union([
    duration,
    z.strictObject({
      maxAge: duration.describe("How long browsers shall come by https only: 365d."),
      includeSubdomains: z
        .boolean()
        .default(false)
        .describe("To all hosts below this one too (default false)."),
      preload: z.boolean().default(false).describe("Browsers may bring this with them (default false)."),
    }),
  ])
  .transform((value) =>
    typeof value === "number" ? { maxAge: value, includeSubdomains: false, preload: false } : value,
  );

/** `tls` of a listener. */
export const listenerTls: z.ZodType<TlsConfig> = z.strictObject({
  certificates: z
    .array(certificate)
    .default([])
    .meta({ examples: [[{ cert: "certs/shop.pem", key: "certs/shop.key" }]] })
    .describe(
      "Which certificate a host gets: the one with its name, else the one with *. and its parent, else the first.",
    ),
  acme: acme
    .optional()
    .describe("A certificate that a CA gives by ACME (RFC 8555): ordered and renewed by the gateway."),
  minVersion,
  ciphers: z
    .array(z.string().min(1))
    .default([])
    .describe("Cipher suites by OpenSSL's names; left out: Mozilla's intermediate list."),
  curves: z
    .array(z.string().min(1))
    .default([])
    .describe("Groups for key exchange; left out: X25519MLKEM768, X25519, prime256v1, secp384r1."),
  alpn: z
    .array(z.enum(["h2", "http/1.1"]))
    .min(1)
    .optional()
    .describe(
      "Protocols that are offered, the preferred one first (default h2, http/1.1; on a TCP listener none: who asks for any is let in).",
    ),
  clients: z
    .array(clients)
    .default([])
    .describe("What certificates clients must show (mTLS); the first entry that fits the host holds."),
  tickets: z
    .strictObject({
      key: z
        .string()
        .min(1)
        .optional()
        .describe(
          "A file of 48 random bytes, or these in base64, that gateways share, so that a client can resume its session at any of them; left out: made at the start and changed every 12 hours.",
        ),
    })
    .prefault({})
    .describe("Tickets by which clients resume a session."),
  hsts: hsts
    .optional()
    .describe(
      "Strict-Transport-Security on every answer: how long browsers shall come by https only: 365d, or { maxAge, includeSubdomains, preload }.",
    ),
}) as unknown as z.ZodType<TlsConfig>;

/** `tls` of a service. */
export const serviceTls: z.ZodType<ServiceTlsConfig> = z.strictObject({
  ca: pem(
    "Certificates of the CAs that are believed; left out: those that Node brings",
    "certs/ca.pem",
  ).optional(),
  serverName: hostName
    .optional()
    .describe(
      "Name that is asked for (SNI) and that the certificate must have; left out: the endpoint's host.",
    ),
  cert: pem("A certificate that is shown to the service", "certs/client.pem").optional(),
  key: pem("Its private key, without a passphrase", "certs/client.key").optional(),
  pins: z
    .array(
      z.string().regex(/^sha256\/[A-Za-z0-9+/]{43}=$/, {
        message: "not a pin; write sha256/ and the SHA-256 of the public key (SPKI) in base64",
      }),
    )
    .default([])
    .describe("Public keys of which the service must have one: sha256/…, of the SPKI, in base64."),
  minVersion,
  verify: z
    .boolean()
    .default(true)
    .describe("Whether the service's certificate is checked (default true); false is for trying things out."),
}) as unknown as z.ZodType<ServiceTlsConfig>;
