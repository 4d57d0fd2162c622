import { Failure } from "../errors/failure.ts";
import { reasonSpec } from "../errors/reasons.ts";
import { type BodyFailure, Collector, HeldBody } from "../lib/body.ts";
import type { Outgoing } from "../lib/outgoing.ts";
import { Reply } from "../lib/reply.ts";
import { policyFailed, settle } from "../pipeline/chain.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { Forwarder } from "../pipeline/ports.ts";
import type { Service } from "../service/service.ts";
import type { SentRequest, ServiceFunction } from "./messages.ts";

/** Forwards to a function instead of a socket: endpoint after endpoint, the attempt steps before each. */
export class MemoryForwarder implements Forwarder {
  readonly sent: SentRequest[] = [];
  /** What the function threw: an assertion in it must fail the test. */
  readonly thrown: unknown[] = [];
  readonly #service: ServiceFunction;

  constructor(service: ServiceFunction) {
    this.#service = service;
  }

  forward(x: Exchange, done: (result: Reply | Failure) => void): void {
    const aborted = new AbortController();
    x.inFlight = { abort: () => aborted.abort() };
    void this.#tries(x, aborted.signal).then(done);
  }

  async #tries(x: Exchange, signal: AbortSignal): Promise<Reply | Failure> {
    let result: Reply | Failure = new Failure("no_endpoint");
    for (const { url } of (x.route.service as Service | undefined)?.endpoints ?? []) {
      x.attempts++;
      x.endpoint = url;
      const request = x.outgoing.clone();
      result = (await prepare(x, request)) ?? (await this.#ask(x, request, signal));
      if (signal.aborted || result instanceof Reply || reasonSpec(result.code).retry !== true) break;
    }
    return result;
  }

  async #ask(x: Exchange, request: Outgoing, signal: AbortSignal): Promise<Reply | Failure> {
    if (signal.aborted) return new Failure("client_left");
    const held = await hold(request);
    if (!(held instanceof HeldBody))
      return held instanceof Failure ? held : new Failure(held.code, held.detail);
    if (request.body !== undefined && request.body === x.outgoing.body) x.outgoing.body = held;
    const { method, path, query, fields, authority } = request;
    fields.set("host", authority === "" ? new URL(x.endpoint!).host : authority);
    const body = Buffer.from(held.bytes());
    const head = { endpoint: x.endpoint!, method, target: path + query, fields };
    const sent: SentRequest = { ...head, body, trailers: held.trailers, signal };
    this.sent.push(sent);
    const result = await Promise.try(this.#service, sent).catch((error: unknown) => {
      this.thrown.push(error);
      return new Failure("internal", "the service of the test threw", error);
    });
    if (result instanceof Reply && result.body instanceof HeldBody && !result.fields.has("content-length"))
      result.fields.set("content-length", String(result.body.length));
    return result;
  }
}

/** Runs the attempt steps on this try's own copy. */
async function prepare(x: Exchange, request: Outgoing): Promise<Reply | undefined> {
  for (const { policy, step } of x.route.attempt) {
    try {
      const wait: unknown = step(x, { number: x.attempts, endpoint: x.endpoint!, request });
      const failed = wait === undefined ? undefined : await settle(x, policy, wait);
      if (failed !== undefined) return failed;
    } catch (error) {
      return policyFailed(x, policy, error);
    }
  }
  return undefined;
}

function hold({ body = new HeldBody("") }: Outgoing): HeldBody | Promise<HeldBody | BodyFailure> {
  if (body instanceof HeldBody) return body;
  return new Promise((resolve) => body.start(new Collector(body, Number.POSITIVE_INFINITY, resolve)));
}
