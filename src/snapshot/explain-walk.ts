import { Failure } from "../errors/failure.ts";
import type { Outgoing } from "../lib/outgoing.ts";
import { Reply } from "../lib/reply.ts";
import type { Peer, RequestHead } from "../lib/request.ts";
import { policyFailed, settle } from "../pipeline/chain.ts";
import { Exchange } from "../pipeline/exchange.ts";
import { handle } from "../pipeline/handle.ts";
import { MemoryDownstream, type MemoryReply } from "../pipeline/memory-downstream.ts";
import type { Forwarder, Snapshot } from "../pipeline/ports.ts";
import type { Match, Route } from "../pipeline/route.ts";
import type { Service } from "../service/service.ts";
import type { CompiledSnapshot } from "./compile.ts";
import { foldPolicies } from "./compile-policies.ts";
import type { CompiledRoute } from "./compile-route.ts";
import { BeyondDry, type DryPolicies } from "./explain-dry.ts";

/** What came of a walk without a wire. */
export interface DryWalk {
  readonly exchange: Exchange;
  /** As the first endpoint would get it; undefined where the gateway answered before. */
  readonly sent: Outgoing | undefined;
  /** What the client would get, if what the service says were an empty 200; undefined where it was cut. */
  readonly reply: MemoryReply | undefined;
}

/** The route as it serves, but for its policies: these are copies. `share` is the place of the service to follow. */
export function dryRoute(
  compiled: CompiledRoute,
  share: number,
  policies: DryPolicies,
): { readonly route: Route; readonly target: Route } {
  const { entry, before, targets, splits, services } = compiled;
  const { name } = entry.route;
  const copies = before.map((policy) => policies.copy(policy, name));
  const ofShare = (splits[share] ?? []).map((policy) => policies.copy(policy, name));
  const service = services[share];
  const ofService = (service?.policies ?? []).map((policy) => policies.copy(policy, service!.service.name));
  // Whether the answer would come in time is not for an explanation to say.
  const made = targets[share]!;
  const target = { ...made, deadline: 0, ...foldPolicies(copies, [...ofShare, ...ofService]) };
  if (entry.route === made) return { route: target, target };
  const split = { pick: () => target };
  return { route: { ...entry.route, split, deadline: 0, ...foldPolicies(copies, []) }, target };
}

/** Runs a request through the walk that serves, along one route, without a wire and without traces. */
export async function dryWalk(
  serving: CompiledSnapshot,
  match: Match,
  peer: Peer,
  head: RequestHead,
): Promise<DryWalk> {
  const forwarder = new DryForwarder();
  let walking: Exchange | undefined;
  const snapshot: Snapshot = {
    ...serving,
    forwarder,
    router: {
      match: (facts) => {
        if (facts === walking) return match;
        throw new BeyondDry("it asks for a request of the gateway's own");
      },
    },
    meter: { record: () => undefined },
    sink: { failure: () => undefined },
    use: { exchanges: 0, calls: 0, whenUnused: undefined },
    forks: new Set(),
    tunnels: new Set(),
  };
  const downstream = new MemoryDownstream(peer);
  const exchange = new Exchange(snapshot, downstream, head);
  walking = exchange;
  downstream.attach(exchange);
  handle(exchange);
  const reply = await downstream.reply.catch(() => undefined);
  return { exchange, sent: forwarder.sent, reply };
}

/** Sends nothing: takes a service's answer to be an empty 200. */
class DryForwarder implements Forwarder {
  sent: Outgoing | undefined = undefined;

  forward(x: Exchange, done: (result: Reply | Failure) => void): void {
    void this.#try(x).then(done);
  }

  async #try(x: Exchange): Promise<Reply | Failure> {
    const endpoint = (x.route.service as Service | undefined)?.endpoints[0];
    if (endpoint === undefined) return new Failure("no_endpoint");
    x.attempts = 1;
    x.endpoint = endpoint.url;
    const request = x.outgoing.clone();
    for (const { policy, step } of x.route.attempt)
      try {
        const wait: unknown = step(x, { number: 1, endpoint: endpoint.url, request });
        const failed = wait === undefined ? undefined : await settle(x, policy, wait);
        if (failed !== undefined) return failed;
      } catch (error) {
        return policyFailed(x, policy, error);
      }
    if (request.authority === "") request.authority = endpoint.authority;
    this.sent = request;
    return new Reply(200);
  }
}
