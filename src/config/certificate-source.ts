import type { z } from "zod";

/** A certificate and its key as a source gives them; they are checked as files are. */
export interface SourcedCertificate {
  /** The host's own certificate, then those that lead to its CA: PEM text. */
  readonly cert: string;
  /** Its private key, without a passphrase: PEM text. */
  readonly key: string;
  /** What the CA said about it (RFC 6960), to be handed to clients: DER. */
  readonly ocsp?: Uint8Array | undefined;
  /**
   * When it is to be asked for again, in milliseconds (default one hour, at least a second); sooner where two thirds of what is left
   * of the certificate's life are over before.
   */
  readonly refreshAfter?: number | undefined;
}

/** What a source is told beside its options. */
export interface SourceRequest {
  /** Hosts that the config names for the certificate; empty where it leaves that to the certificate. */
  readonly hosts: readonly string[];
  /** Aborted shortly before the time is over that a source has: 10 seconds. */
  readonly signal: AbortSignal;
}

/**
 * Where a certificate and its key come from, if not from files: a secret store, a key service. A config names the file that
 * exports one: `certificates: [{ source: ./vault.ts, options: { … } }]`.
 */
export interface CertificateSource<Options extends z.ZodType = z.ZodType> {
  /** What `options` of the config must be; left out: anything may be written. */
  readonly options?: Options;
  /**
   * Gives the certificate as it is now. Asked when the config is read: at the start, at every reload, and when it is to be
   * refreshed; each time in a thread of its own, so that nothing is kept in between. Throws or rejects where it cannot: the
   * message is shown, and the config before stays in force.
   */
  read(options: z.output<Options>, request: SourceRequest): SourcedCertificate | Promise<SourcedCertificate>;
}

/** Declares a source of certificates. Throws a TypeError for what cannot be asked. */
export function defineCertificateSource<Options extends z.ZodType>(
  source: CertificateSource<Options>,
): CertificateSource<Options> {
  if (typeof source?.read !== "function") throw new TypeError("a source needs a function: read(options)");
  return Object.freeze(source);
}
