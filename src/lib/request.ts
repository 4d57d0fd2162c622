import type { Body } from "./body.ts";
import type { Fields, ReadonlyFields } from "./fields.ts";
import type { Reply } from "./reply.ts";

/** A request as the client sent it, whatever protocol carried it. */
export class RequestHead {
  readonly method: string;
  /** "http" or "https": how the client reached this gateway, or the proxy before it that is trusted. */
  readonly scheme: string;
  /** Host and, where written, port; may be empty (RFC 9110 §7.2). */
  readonly authority: string;
  /** Path as it is matched and forwarded: begins with "/", or is "*" (OPTIONS only); made plain by the listener. */
  path: string;
  /** The path as the client wrote it: what signatures cover. */
  readonly writtenPath: string;
  /** Query with its "?", or empty. */
  readonly query: string;
  readonly fields: Fields;
  /** 10, 11 or 20. */
  version: number;
  /** What `Upgrade` asks for, in lower case; only "websocket" is taken up. */
  upgrade: string | undefined;
  /** The client waits for a 100 before it sends the body (RFC 9110 §10.1.1). */
  expectsContinue: boolean;
  /** The client reads trailers (`TE: trailers`). */
  takesTrailers: boolean;
  body: Body | undefined;

  constructor(
    method: string,
    scheme: string,
    authority: string,
    path: string,
    query: string,
    fields: Fields,
  ) {
    this.method = method;
    this.scheme = scheme;
    this.authority = authority;
    this.path = path;
    this.writtenPath = path;
    this.query = query;
    this.fields = fields;
    this.version = 11;
    this.upgrade = undefined;
    this.expectsContinue = false;
    this.takesTrailers = false;
    this.body = undefined;
  }

  /** The value of a field; see ReadonlyFields.get. */
  field(name: string): string | undefined {
    return this.fields.get(name);
  }
}

/** A request head as everybody may read it and nobody change it. */
export type ReceivedRequest = Readonly<Omit<RequestHead, "fields">> & { readonly fields: ReadonlyFields };

/** Where the answer to one request goes: a connection, a stream of one, or memory. */
export interface Downstream {
  /** What the peer is known by. */
  readonly peer: Peer;
  /** Passes on a 1xx other than 101; nothing happens where the client cannot read it or the answer has begun. */
  informational(status: number, fields: Fields): void;
  /** Sends the answer. `x.downstreamEnded` is called once it is over, however it ended. */
  send(reply: Reply): void;
  /** Ends the exchange at once without an answer; what was begun is cut where the client can see it. */
  reset(): void;
  /**
   * Tells the client to go: a WebSocket is sent a Close (1001 where no other code is given) and ends with the client's
   * own, after `graceMs` at the latest; any other answer is the last of its connection, where it has not begun. Nothing
   * happens in memory.
   */
  goAway(graceMs: number, code?: number, reason?: string): void;
}

/** The other end of a connection. */
export interface Peer {
  /** Address in text; IPv4 in IPv6 is written as IPv4; empty for a Unix socket or memory. */
  readonly address: string;
  readonly port: number;
  /** Name of the listener that accepted it; empty for memory. */
  readonly listener: string;
  /** The peer is a proxy whose word on the client is believed. */
  readonly trusted: boolean;
  readonly secure: boolean;
  /** What the handshake told, where this gateway itself spoke TLS with the peer. */
  readonly tls?: PeerTls | undefined;
  /** What Strict-Transport-Security says on every answer to this peer; undefined where the field is not added. */
  readonly hsts?: string | undefined;
  /** Whether an address is a trusted proxy's. */
  readonly trusts: (address: string) => boolean;
  /** @internal What was made once for this peer and is used again. */
  memo: unknown;
}

/** What is known of a connection by its TLS handshake. */
export interface PeerTls {
  /** Host that the client asked for (SNI), in lower case; empty where it named none. */
  readonly serverName: string;
  /** "TLSv1.3" or "TLSv1.2". */
  readonly protocol: string;
  /** The cipher suite by OpenSSL's name. */
  readonly cipher: string;
  /** The protocol that was agreed on: "h2", "http/1.1", or empty. */
  readonly alpn: string;
  /** The client's certificate, which was verified; undefined where it showed none. */
  readonly certificate: ClientCertificate | undefined;
  /** @internal Stands for what was asked of the client's certificate; empty for nothing. */
  readonly requirement: string;
}

/** A client's certificate that a CA of the listener vouches for. */
export interface ClientCertificate {
  /** Distinguished name, the most specific part first, by RFC 4514: "CN=orders,O=Example". */
  readonly subject: string;
  readonly issuer: string;
  /** Alternative names with their kinds: "DNS:orders.example", "URI:spiffe://example/orders", "IP:10.0.0.1", "email:a@b". */
  readonly names: readonly string[];
  /** The first URI name that is a SPIFFE id. */
  readonly spiffeId: string | undefined;
  /** SHA-256 of the certificate in lower-case hex. */
  readonly fingerprint: string;
  /** Serial number in lower-case hex. */
  readonly serial: string;
  /** End of its life, in milliseconds since 1970. */
  readonly notAfter: number;
  /** The certificate itself (DER) in base64. */
  readonly der: string;
  /** Those of the CAs that the client sent with it, each DER in base64; none in a resumed session. */
  readonly chain: readonly string[];
}

/** What a downstream tells of one exchange. */
export interface DownstreamEvents {
  /** The answer is out: `complete`, or cut short for a reason. Called once, unless `left` was. */
  sent(complete: boolean, bytes: number, failure: string | undefined): void;
  /** The client is gone, `bytes` of the answer's body were sent. Called at most once; `sent` is not called afterwards. */
  left(bytes: number): void;
}
