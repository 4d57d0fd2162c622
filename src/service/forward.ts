import { Failure } from "../errors/failure.ts";
import { HeldBody } from "../lib/body.ts";
import type { Reply } from "../lib/reply.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { Forwarder } from "../pipeline/ports.ts";
import { Forwarding } from "./forwarding.ts";
import { ReplayBody } from "./replay-body.ts";
import type { Service } from "./service.ts";

/** Sends each exchange to an endpoint of its route's service, and safely to another where the first was never reached. */
export class ServiceForwarder implements Forwarder {
  forward(x: Exchange, done: (result: Reply | Failure) => void): void {
    const service = x.route.service as Service | undefined;
    if (service === undefined) {
      done(new Failure("no_endpoint"));
      return;
    }
    const { outgoing } = x;
    if (outgoing.body !== undefined && !(outgoing.body instanceof HeldBody))
      outgoing.body = new ReplayBody(outgoing.body);
    const forwarding = new Forwarding(x, service, done);
    x.inFlight = forwarding;
    forwarding.next();
  }
}
