import { Failure } from "../errors/failure.ts";
import type { Body } from "../lib/body.ts";
import { Fields, type ReadonlyFields } from "../lib/fields.ts";
import { RequestHead } from "../lib/request.ts";
import { Exchange } from "./exchange.ts";
import { handle } from "./handle.ts";
import { MemoryDownstream, type MemoryReply } from "./memory-downstream.ts";

/** A request of the gateway's own; what is left out is the parent's. */
export interface ForkRequest {
  readonly method?: string;
  readonly authority?: string;
  /** Path and query. */
  readonly target?: string;
  readonly fields?: ReadonlyFields;
  readonly body?: Body;
}

export interface ForkOptions {
  /** It goes on when the parent ends (default false). */
  readonly detached?: boolean;
}

/** Forks of forks of forks: deeper is a loop. */
const DEPTH_MAX = 8;

/**
 * Runs a sub-exchange through the same walk: routed anew, in the caller's identity, ended with its parent unless detached.
 * Rejects with a Failure when it is nested too deeply, given up, or its answer was cut.
 */
export function fork(parent: Exchange, request: ForkRequest, options: ForkOptions): Promise<MemoryReply> {
  if (parent.depth >= DEPTH_MAX) return Promise.reject(new Failure("fork_too_deep"));
  const { outgoing } = parent;
  const target = request.target ?? outgoing.path + outgoing.query;
  const query = target.indexOf("?");
  const head = new RequestHead({
    method: request.method ?? parent.request.method,
    scheme: parent.request.scheme,
    authority: request.authority ?? parent.request.authority,
    path: query === -1 ? target : target.slice(0, query),
    query: query === -1 ? "" : target.slice(query),
    fields: request.fields?.clone() ?? new Fields(),
    version: 11,
    upgrade: undefined,
    expectsContinue: false,
    takesTrailers: true,
  });
  head.body = request.body;
  const downstream = new MemoryDownstream(parent.downstream.peer);
  const child = new Exchange(parent.snapshot, downstream, head, parent.depth + 1);
  child.consumer = parent.consumer;
  child.claims = parent.claims;
  child.id = parent.id;
  downstream.attach(child);
  if (options.detached !== true) {
    if (parent.ended) return Promise.reject(new Failure("client_left"));
    parent.onAbort(() => downstream.leave());
  }
  handle(child);
  return downstream.reply;
}
