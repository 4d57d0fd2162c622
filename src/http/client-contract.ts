import type { Failure } from "../errors/failure.ts";
import type { Body } from "../lib/body.ts";
import type { Outgoing } from "../lib/outgoing.ts";
import type { Tunnel } from "../lib/reply.ts";
import type { ClientConnection } from "./client-connection.ts";
import type { ProxySource } from "./proxy-header.ts";
import type { ResponseHead } from "./response-reader.ts";

/** Times in milliseconds; 0 for none. */
export interface ClientTimeouts {
  /** Until the connection stands. */
  readonly connect: number;
  /** From the request's last byte to the answer's head. */
  readonly response: number;
  /** Between two reads of the answer's body, while the client keeps up. */
  readonly idle: number;
}

/** What carries one request to a service and its answer back: an HTTP/1.1 connection, or a stream of an HTTP/2 one. */
export interface Carrier {
  /**
   * Sends a request. Its fields hold nothing of a connection, no framing and no Host.
   * @param host what the request names where it names no host itself
   */
  send(request: Outgoing, host: string, events: ClientEvents): void;
  /** Nobody waits for the answer any more. */
  abort(): void;
}

/** Somebody who needs to send a request. Exactly one of the two is called, at once or later. */
export interface PoolClient {
  /** Whom the request is for; asked by pools whose connections begin with the name of a client. */
  readonly source?: ProxySource | undefined;
  /** The request asks for a WebSocket. */
  readonly upgrades?: boolean;
  connected(carrier: Carrier): void;
  /** None could be had: nothing was sent. */
  refused(failure: Failure): void;
}

/** What pools have in common that share a number of connections. */
export interface SharedPlaces {
  /** Whether there is a place for one more connection. */
  mayOpen(): boolean;
  /** A connection is gone, or idle: another pool may have its place. */
  left(): void;
}

/** What carries requests to one endpoint, whatever protocol it speaks. */
export interface EndpointPool {
  /** Asks for a carrier: at once, or after a wait. `fresh`: none that could be as old as the one that was just lost. */
  acquire(client: PoolClient, fresh?: boolean): void;
  /** One who waits does not need a carrier any more. */
  forget(client: PoolClient): void;
  /** Open connections. */
  readonly size: number;
  /** Those of them that carry nothing. */
  readonly idle: number;
  /** Requests that wait. */
  readonly waiting: number;
  /** Others have left places: connections for those who wait may be opened now. */
  wake(): void;
  /** Closes what is idle, and the rest when it is done. */
  close(): void;
}

/** What a client connection tells of one request. Exactly one of `answered` and `failed` is called. */
export interface ClientEvents {
  informational(head: ResponseHead): void;
  /** The final head, with the body that follows it. */
  answered(head: ResponseHead, body: Body | undefined, tunnel: Tunnel | undefined): void;
  /** No answer will come. The reason says whether the request can have reached the service. */
  failed(failure: Failure): void;
}

/** What a pool is told of its connections. */
export interface ClientOwner {
  /** It is idle again and can be reused. */
  freed(connection: ClientConnection): void;
  gone(connection: ClientConnection): void;
}
