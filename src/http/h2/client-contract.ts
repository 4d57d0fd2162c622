import type { Failure } from "../../errors/failure.ts";
import type { HeadLimits } from "../../lib/limits.ts";
import type { ClientTimeouts } from "../client-contract.ts";
import type { Http2ClientConnection } from "./client-connection.ts";

/** How connections to a service carry requests. Times in milliseconds. */
export interface Http2ClientOptions {
  readonly timeouts: ClientTimeouts;
  readonly limits: HeadLimits;
  /** Streams that one connection carries at most, where the service allows as many. */
  readonly streams: number;
  /** How long a connection that carries nothing is kept. */
  readonly keepAlive: number;
}

/** What a pool is told of its connections. */
export interface Http2ClientOwner {
  /** The service's settings are here: it takes so many streams. */
  ready(connection: Http2ClientConnection, streams: number): void;
  /** It has room for a stream again. */
  freed(connection: Http2ClientConnection): void;
  /** It takes no new streams any more; those that it carries go on. */
  retired(connection: Http2ClientConnection): void;
  /** It is closed. `unready` says why, where it never took a stream. */
  gone(connection: Http2ClientConnection, unready: Failure | undefined): void;
}
