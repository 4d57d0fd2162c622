import type { Failure } from "../errors/failure.ts";
import type { Reply } from "../lib/reply.ts";
import type { Peer, RequestHead } from "../lib/request.ts";
import type { ServerConnection } from "./server-connection.ts";

/** What stands above a server connection. */
export interface RequestHandler {
  /** A whole head arrived. The handler attaches its events to the downstream, then answers now or later. */
  request(head: RequestHead, downstream: ServerConnection): void;
  /** The wire refuses what arrived: the answer to send before the connection is closed. */
  refused(failure: Failure, peer: Peer): Reply;
  /** The connection is gone. */
  closed(connection: ServerConnection): void;
}
