import { Fields } from "../lib/fields.ts";
import { Outgoing } from "../lib/outgoing.ts";
import type { Reply } from "../lib/reply.ts";
import { requestId } from "../lib/request-id.ts";
import type { Exchange } from "./exchange.ts";
import { addTransportSecurity } from "./transport-security.ts";

/** Answers an exchange by the listener's own word: no route is looked for and no policy runs, but the log is told. */
export function answerDirectly(x: Exchange, make: (x: Exchange) => Reply): void {
  if (x.ended) return;
  const { request, snapshot } = x;
  x.id = requestId();
  x.route = snapshot.refused;
  x.outgoing = new Outgoing(request.method, "", request.path, request.query, new Fields(), undefined);
  const reply = make(x);
  addTransportSecurity(reply, x.downstream.peer);
  x.sentAt = snapshot.clock.now();
  x.sending = true;
  x.reply = reply;
  x.downstream.send(reply);
}
