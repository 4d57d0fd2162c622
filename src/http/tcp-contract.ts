import type { Failure } from "../errors/failure.ts";
import type { Peer } from "../lib/request.ts";
import type { DialTarget } from "./dialing.ts";
import type { ProxySource } from "./proxy-header.ts";

/** One endpoint that a connection may be led to. */
export interface TcpEndpoint {
  /** As written in the config. */
  readonly url: string;
  readonly target: DialTarget;
}

/** Where one connection goes: endpoints, one after the other until one can be reached. */
export interface TcpRoute {
  /** Name of the service. */
  readonly service: string;
  /** The endpoint to try next; undefined when none is left. */
  next(): TcpEndpoint | undefined;
}

/** What is known of a connection that is over. */
export interface TcpRecord {
  readonly peer: Peer;
  /** Empty where the client named none, or was not asked. */
  readonly serverName: string;
  /** Empty where it went nowhere. */
  readonly service: string;
  /** Url of the endpoint; empty where none was reached. */
  readonly endpoint: string;
  readonly bytesFromClient: number;
  readonly bytesToClient: number;
  /** How long it was open. */
  readonly milliseconds: number;
  /** Why the gateway ended it; undefined where one of the two ends did. */
  readonly failure: Failure | undefined;
}

/** What decides about the connections of a TCP listener. */
export interface TcpHandler {
  /** Connections begin with a ClientHello, whose server name decides. */
  readonly looksAtHello: boolean;
  /** How long neither end may send anything, in milliseconds; 0 for ever. */
  readonly idleTimeout: number;
  /**
   * Where a connection goes.
   * @param serverName empty where none was named or asked for
   * @param destination the address that the client connected to
   */
  route(serverName: string, peer: Peer, destination: ProxySource): TcpRoute | Failure;
  /** It is over. */
  over(record: TcpRecord): void;
}
