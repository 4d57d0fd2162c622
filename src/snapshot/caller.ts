import { HeldBody } from "../lib/body.ts";
import { Fields } from "../lib/fields.ts";
import { Outgoing } from "../lib/outgoing.ts";
import { RequestHead } from "../lib/request.ts";
import { type Caller, CallFailed, type CallReply, type CallRequest } from "../pipeline/calls.ts";
import { Exchange } from "../pipeline/exchange.ts";
import { handle } from "../pipeline/handle.ts";
import { MEMORY_PEER, MemoryDownstream } from "../pipeline/memory-downstream.ts";
import type { Snapshot } from "../pipeline/ports.ts";
import type { Route } from "../pipeline/route.ts";
import type { CompiledSnapshot } from "./compile.ts";
import { foldPolicies } from "./compile-policies.ts";
import type { CompiledService } from "./compile-service.ts";
import { fetchCall } from "./fetch-call.ts";

const MAX = 1_048_576;

/** Asks services of the config by the pools that serve, and other addresses by `fetch`. */
export class LiveCaller implements Caller {
  readonly #current: () => CompiledSnapshot | undefined;

  /** @param current the snapshot whose services are asked; undefined while the first one is being built */
  constructor(current: () => CompiledSnapshot | undefined) {
    this.#current = current;
  }

  call(request: CallRequest): Promise<CallReply> {
    const { to } = request;
    if ("url" in to) return fetchCall(request, to.url, request.max ?? MAX);
    const snapshot = this.#current();
    const service = snapshot?.services.get(to.service);
    if (snapshot === undefined || service === undefined)
      return Promise.reject(new CallFailed("call_unknown_service", `there is no service ${to.service} yet`));
    return askService(snapshot, service, request, to.path);
  }
}

/** A walk along a route that nobody wrote: it has a service, and the policies of that service. */
async function askService(
  serving: CompiledSnapshot,
  service: CompiledService,
  request: CallRequest,
  target: string,
): Promise<CallReply> {
  const { timeout, max = MAX } = request;
  const { name } = service.service;
  const { downstream, exchange } = begun(serving, service, request, target, max);
  // Of all of it, the body too: a route's deadline ends where an answer begins.
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    downstream.leave();
  }, timeout);
  try {
    const { status, fields, body, trailers } = await downstream.reply;
    const { failure } = exchange;
    if (failure !== undefined) throw new CallFailed(failure.code, `${name}: ${failure.code}`);
    return { status, fields, body, trailers };
  } catch (error) {
    if (late) throw new CallFailed("call_timeout", `${name}: no answer within ${timeout} ms`);
    if (error instanceof CallFailed) throw error;
    const { code = "call_failed" } = error as { code?: string };
    if (code === "body_too_large")
      throw new CallFailed("call_too_large", `${name}: more than ${max} bytes`, { cause: error });
    throw new CallFailed(code, `${name}: ${code}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

function begun(
  serving: CompiledSnapshot,
  service: CompiledService,
  request: CallRequest,
  target: string,
  max: number,
): { readonly downstream: MemoryDownstream; readonly exchange: Exchange } {
  const { method = "GET", authority = "", fields = new Fields() } = request;
  const query = target.indexOf("?");
  const path = query === -1 ? target : target.slice(0, query);
  const search = query === -1 ? "" : target.slice(query);
  const body = bodyOf(request.body);
  const route = routeTo(service, (x) => {
    x.outgoing = new Outgoing(method, authority, path, search, fields.clone(), body);
    x.outgoing.takesTrailers = true;
  });
  const snapshot: Snapshot = {
    ...serving,
    router: { match: () => ({ route, pattern: undefined }) },
    meter: { record: () => undefined },
  };
  const downstream = new MemoryDownstream(MEMORY_PEER, max);
  const head = new RequestHead(method, "http", authority, path, search, new Fields());
  head.takesTrailers = true;
  head.body = body;
  const exchange = new Exchange(snapshot, downstream, head, 1);
  downstream.attach(exchange);
  // It holds the snapshot as every exchange does, and is no client's: the metrics leave it out.
  const { use } = serving;
  use.calls++;
  exchange.onEnd(() => void use.calls--);
  handle(exchange);
  return { downstream, exchange };
}

function routeTo({ service, policies }: CompiledService, begin: (x: Exchange) => void): Route {
  return {
    name: "(call)",
    state: { series: -1 },
    service,
    serviceName: service.name,
    split: undefined,
    deadline: 0,
    tunnelLimits: undefined,
    ...foldPolicies([], policies),
    request: (x) => {
      begin(x);
      return undefined;
    },
  };
}

function bodyOf(body: Uint8Array | string | undefined): HeldBody | undefined {
  if (body === undefined) return undefined;
  return typeof body === "string" ? HeldBody.fromText(body) : new HeldBody(body);
}
