import type { Failure } from "../errors/failure.ts";
import { Fields } from "../lib/fields.ts";
import { Outgoing } from "../lib/outgoing.ts";
import type { Reply } from "../lib/reply.ts";
import { type Downstream, type Peer, RequestHead } from "../lib/request.ts";
import { requestId } from "../lib/request-id.ts";
import { Exchange } from "./exchange.ts";
import type { Snapshot } from "./ports.ts";

/**
 * The answer to what the wire refuses. Nobody asked a policy, but the log is told of it as of every exchange: by one that
 * is over as soon as it began, on the route for refused requests.
 * @param head what is known of the request, where its head could be read
 */
export function refuse(snapshot: Snapshot, failure: Failure, peer: Peer, head?: RequestHead): Reply {
  const request = head ?? new RequestHead("", peer.secure ? "https" : "http", "", "", "", new Fields());
  const x = new Exchange(snapshot, new Nowhere(peer), request);
  x.id = requestId();
  x.route = snapshot.refused;
  x.outgoing = new Outgoing(request.method, "", request.path, request.query, new Fields(), undefined);
  const reply = x.fail(failure);
  x.reply = reply;
  x.sent(true, reply.body?.length ?? 0, undefined);
  return reply;
}

/** The connection sends the answer itself. */
class Nowhere implements Downstream {
  readonly peer: Peer;

  constructor(peer: Peer) {
    this.peer = peer;
  }

  informational(): void {}

  send(): void {}

  reset(): void {}

  goAway(): void {}
}
