import { Failure } from "../errors/failure.ts";
import { type Body, HeldBody } from "../lib/body.ts";
import { Fields, type ReadonlyFields } from "../lib/fields.ts";
import { RequestHead } from "../lib/request.ts";
import { Exchange } from "./exchange.ts";
import { handle } from "./handle.ts";
import { MemoryDownstream, type MemoryReply } from "./memory-downstream.ts";

/** A request of the gateway's own. */
export interface ForkRequest {
  /** Default: the parent's. */
  readonly method?: string;
  /** Default: the parent's. */
  readonly authority?: string;
  /** Path and query. Default: what the parent would send to its service. */
  readonly target?: string;
  /** Default: none. */
  readonly fields?: ReadonlyFields;
  /** Default: none. The parent's own only when it is held: a stream is read once. */
  readonly body?: Body;
}

export interface ForkOptions {
  /** It goes on when the parent ends (default false). */
  readonly detached?: boolean;
}

/** Forks of forks of forks: deeper is a loop. */
const DEPTH_MAX = 8;

const STREAM_TAKEN =
  'a fork cannot take its parent\'s body while it streams: ask for it whole (body: { request: "buffer" })';

/**
 * Runs a sub-exchange through the same walk: routed anew, in the caller's identity, ended with its parent unless detached.
 * Rejects with a Failure when it is nested too deeply, would read a stream that its parent reads, is given up, or its
 * answer was cut.
 */
export function fork(parent: Exchange, request: ForkRequest, options: ForkOptions): Promise<MemoryReply> {
  if (parent.depth >= DEPTH_MAX) return refuse(new Failure("fork_too_deep"));
  if (takesStreamOf(parent, request.body)) {
    const failure = new Failure("policy_failed", STREAM_TAKEN);
    parent.report(failure); // a copy that nobody waits for would be lost unseen
    return refuse(failure);
  }
  const { outgoing } = parent;
  const target = request.target ?? outgoing.path + outgoing.query;
  const query = target.indexOf("?");
  const head = new RequestHead(
    request.method ?? parent.request.method,
    parent.request.scheme,
    request.authority ?? parent.request.authority,
    query === -1 ? target : target.slice(0, query),
    query === -1 ? "" : target.slice(query),
    request.fields?.clone() ?? new Fields(),
  );
  head.takesTrailers = true;
  head.body = request.body;
  const peer = { ...parent.downstream.peer, address: parent.clientAddress, trusted: false, memo: undefined };
  const downstream = new MemoryDownstream(peer);
  const child = new Exchange(parent.snapshot, downstream, head, parent.depth + 1);
  child.consumer = parent.consumer;
  child.credential = parent.credential;
  child.claims = parent.claims;
  child.id = parent.id;
  downstream.attach(child);
  if (options.detached !== true) {
    if (parent.ended) return refuse(new Failure("client_left"));
    parent.onAbort(() => downstream.leave());
    parent.onEnd(() => downstream.leave());
  }
  const { forks } = parent.snapshot;
  forks.add(downstream);
  child.onEnd(() => forks.delete(downstream));
  handle(child);
  return downstream.reply;
}

/** Two readers of one stream would each get a part of it. */
function takesStreamOf({ request, outgoing, reply }: Exchange, body: Body | undefined): boolean {
  if (body === undefined || body instanceof HeldBody) return false;
  return body === request.body || body === outgoing.body || body === reply?.body;
}

/** A rejection that nobody need listen to. */
function refuse(failure: Failure): Promise<never> {
  const refused = Promise.reject(failure);
  refused.catch(() => undefined);
  return refused;
}
