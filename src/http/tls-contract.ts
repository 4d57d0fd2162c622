import type { SecureContext } from "node:tls";
import type { ClientHello } from "./client-hello.ts";

/** The protocol by which a CA checks a host in a handshake (RFC 8737 §4). */
export const ACME_PROTOCOL = "acme-tls/1";

/** What a TLS connection from a client is made with. */
export interface TlsContext {
  /** Certificates, keys, CAs, ciphers and the rest. */
  readonly secure: SecureContext;
  /** Protocols that are offered, as they stand in the handshake: each with its length before it. */
  readonly alpn: Buffer;
  /** The CA's answer on the certificate, stapled for clients that ask. */
  readonly ocsp: Buffer | undefined;
  /** Until then it is stapled, in milliseconds since 1970: clients refuse an older one. Undefined for ever. */
  readonly ocspUntil?: number | undefined;
  /** It answers a CA's question, and nobody speaks on. */
  readonly challenge?: boolean;
  /** What is asked of the client's certificate. */
  readonly verify: "none" | "optional" | "required";
  /** Stands for all that is asked of it; empty for nothing. */
  readonly requirement: string;
}

/** How a server speaks TLS. */
export interface TlsSettings {
  /** The context of all connections; undefined where the hello decides. */
  readonly only: TlsContext | undefined;
  /** The context for a hello; undefined where it cannot be served. */
  choose(hello: ClientHello): TlsContext | undefined;
  /** Told how each handshake ends: "ok", or why it failed, in a word. */
  counted(result: string): void;
}
