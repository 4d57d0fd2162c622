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

const BODY_MAX = 16 * 1024 * 1024;

/** Forwards to a function instead of a socket: endpoint after endpoint, the attempt steps before each. */
export class MemoryForwarder implements Forwarder {
  /** What the services got. */
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
    const endpoints = (x.route.service as Service | undefined)?.endpoints ?? [];
    let result: Reply | Failure = new Failure("no_endpoint");
    for (const { url } of endpoints) {
      x.attempts++;
      x.endpoint = url;
      const request = x.outgoing.clone();
      result = (await prepare(x, request)) ?? (await this.#ask(x, request, url, signal));
      if (signal.aborted || result instanceof Reply || reasonSpec(result.code).retry !== true) break;
    }
    return result;
  }

  async #ask(
    x: Exchange,
    request: Outgoing,
    endpoint: string,
    signal: AbortSignal,
  ): Promise<Reply | Failure> {
    if (signal.aborted) return new Failure("client_left");
    const held = await hold(request);
    if (!(held instanceof HeldBody)) return new Failure(held.code, held.detail, (held as Failure).cause);
    if (request.body === x.outgoing.body && request.body !== undefined) x.outgoing.body = held;
    const { method, fields } = request;
    const target = request.path + request.query;
    const whole = { body: held.bytes(), trailers: held.trailers };
    const sent: SentRequest = { endpoint, method, target, fields, ...whole, signal };
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

function hold({ body }: Outgoing): HeldBody | Promise<HeldBody | BodyFailure> {
  if (body === undefined) return new HeldBody("");
  if (body instanceof HeldBody) return body;
  return new Promise((resolve) => body.start(new Collector(body, BODY_MAX, resolve)));
}
