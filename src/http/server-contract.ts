import type { Failure } from "../errors/failure.ts";
import type { Reply } from "../lib/reply.ts";
import type { Downstream, DownstreamEvents, Peer, RequestHead } from "../lib/request.ts";
import type { Transport, TransportOwner } from "./transport.ts";

/** Where the answer to one request goes, as a server hands it over. */
export interface ServerDownstream extends Downstream {
  /** Who is told how the exchange ends; called before the request is answered. */
  attach(events: DownstreamEvents): void;
}

/** A client's connection, whatever protocol it speaks. */
export interface ServedConnection extends TransportOwner {
  readonly peer: Peer;
  /** Called once, right after the transport was made for this connection, or given to it. */
  open(transport: Transport): void;
  /** What is under way is answered and is the last; an idle connection waits so long for a request on its way, in milliseconds. */
  stop(lingerMs: number): void;
  /** As `stop`, but a tunnel goes on until it ends by itself. */
  retire(lingerMs: number): void;
  /** Closes at once. */
  destroy(): void;
}

/** What stands above the connections of a server. */
export interface RequestHandler {
  /** A whole head arrived. The handler attaches its events to the downstream, then answers now or later. */
  request(head: RequestHead, downstream: ServerDownstream): void;
  /** The wire refuses what arrived: the answer to send before the connection is closed. */
  refused(failure: Failure, peer: Peer): Reply;
  /** The connection goes on as another: its client speaks another protocol. */
  became(connection: ServedConnection, next: ServedConnection): void;
  /** The connection is gone. */
  closed(connection: ServedConnection): void;
}
