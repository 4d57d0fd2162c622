/** Bounds of one side of the wire. */
export interface HeadLimits {
  /** Bytes of a head, start line included. */
  readonly head: number;
  /** Fields of a head or a trailer section. */
  readonly fields: number;
  /** Bytes of a request's target. */
  readonly target: number;
}

/** What a connection of HTTP/2 may use. */
export interface Http2Limits {
  /** Requests that it may have under way. */
  readonly maxStreams: number;
  /** Octets of one request's body that may be on their way or wait here; at least 65535. */
  readonly streamWindow: number;
  /** The same for all requests of a connection together. */
  readonly connectionWindow: number;
  /** Taken on a plain listener from clients that begin with it (prior knowledge, RFC 9113 §3.3). */
  readonly cleartext: boolean;
}

export const DEFAULT_HTTP2: Http2Limits = {
  maxStreams: 128,
  streamWindow: 262_144,
  connectionWindow: 1_048_576,
  cleartext: true,
};

/** What a listener allows. Times are in milliseconds. */
export interface ListenerLimits extends HeadLimits {
  /** A head must be complete this long after its first byte, or after the connection began. */
  readonly headerTimeout: number;
  /** A connection without a request is closed after this. */
  readonly idleTimeout: number;
  /** Bytes a second below which a body that is being waited for is given up, once 5 s have passed; 0 for none. */
  readonly bodyRate: number;
  /** Open connections; more are closed at once. */
  readonly connections: number;
  readonly connectionsPerAddress: number;
  readonly http2: Http2Limits;
}

export const DEFAULT_LIMITS: ListenerLimits = {
  head: 32_768,
  fields: 100,
  target: 16_384,
  headerTimeout: 10_000,
  idleTimeout: 60_000,
  bodyRate: 240,
  connections: 20_000,
  connectionsPerAddress: 10_000,
  http2: DEFAULT_HTTP2,
};
