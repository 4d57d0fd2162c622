import { Failure } from "../errors/failure.ts";
import { reasonSpec } from "../errors/reasons.ts";
import type { Carrier, ClientEvents, PoolClient } from "../http/client-contract.ts";
import type { ProxySource } from "../http/proxy-header.ts";
import type { ResponseHead } from "../http/response-reader.ts";
import { type Body, HeldBody } from "../lib/body.ts";
import { FieldBlock } from "../lib/field-block.ts";
import { HOP_BY_HOP, Kind } from "../lib/field-kinds.ts";
import type { Outgoing } from "../lib/outgoing.ts";
import { Reply, type Tunnel } from "../lib/reply.ts";
import { policyFailed, settle } from "../pipeline/chain.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { VIA_NAME } from "../pipeline/receive.ts";
import { ReplayBody } from "./replay-body.ts";
import type { Endpoint, Service } from "./service.ts";

const NONE: Endpoint[] = [];

const OF_THE_WIRE: number = HOP_BY_HOP | Kind.host | Kind.contentLength;

/** RFC 9110 §9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** The endpoint serves, only this connection of it did not: it is asked once more. */
const STAYS: ReadonlySet<string> = new Set(["connection_reused_closed", "stream_refused"]);

/** Tries of one exchange at most, however many endpoints there are. */
const TRIES_MAX = 5;

/** Via names the version in which the message was received (RFC 9110 §7.6.3). */
const VIA = new FieldBlock(["via", `1.1 ${VIA_NAME}`]);
const VIA_FROM_10 = new FieldBlock(["via", `1.0 ${VIA_NAME}`]);
const VIA_FROM_20 = new FieldBlock(["via", `2 ${VIA_NAME}`]);

/** One exchange on its way through one service: try after try, until one gives an answer or a failure that stands. */
export class Forwarding implements PoolClient, ClientEvents {
  readonly #x: Exchange;
  readonly #service: Service;
  readonly #done: (result: Reply | Failure) => void;
  #tried: Endpoint[] = NONE;
  #endpoint: Endpoint | undefined = undefined;
  #carrier: Carrier | undefined = undefined;
  #request: Outgoing | undefined = undefined;
  /** The next try needs a connection that was never used. */
  #fresh = false;
  /** The next try goes to the same endpoint. */
  #stays = false;
  #over = false;

  constructor(x: Exchange, service: Service, done: (result: Reply | Failure) => void) {
    this.#x = x;
    this.#service = service;
    this.#done = done;
  }

  /** Begins the next try. */
  next(): void {
    const x = this.#x;
    const endpoint = this.#stays
      ? this.#endpoint
      : this.#service.balancer.pick(x, this.#service.endpoints, this.#tried);
    if (endpoint === undefined) {
      this.#end(new Failure("no_endpoint"));
      return;
    }
    this.#endpoint = endpoint;
    x.endpoint = endpoint.url;
    x.attempts++;
    if (x.route.attempt.length === 0) {
      this.#request = x.outgoing;
      endpoint.pool.acquire(this, this.#fresh);
    } else this.#prepare(endpoint);
  }

  /** Attempt steps work on a copy: what one try signs, the next must not inherit. */
  async #prepare(endpoint: Endpoint): Promise<void> {
    const x = this.#x;
    const request = x.outgoing.clone();
    const view = { number: x.attempts, endpoint: endpoint.url, request };
    for (const { policy, step } of x.route.attempt) {
      let failed: Reply | undefined;
      try {
        const wait = step(x, view);
        if (wait !== undefined) failed = await settle(x, policy, wait);
      } catch (error) {
        failed = policyFailed(x, policy, error);
      }
      if (this.#over || x.ended) return;
      if (failed !== undefined) {
        this.#end(failed);
        return;
      }
    }
    this.#request = request;
    endpoint.pool.acquire(this, this.#fresh);
  }

  /** Whom a connection names that begins with a client's address; the port is known of peers only. */
  get source(): ProxySource {
    const { clientAddress: address, downstream } = this.#x;
    const { peer } = downstream;
    return { address, port: address === peer.address ? peer.port : 0 };
  }

  get upgrades(): boolean {
    return this.#request!.upgrade === "websocket";
  }

  connected(carrier: Carrier): void {
    let request = this.#request!;
    this.#carrier = carrier;
    const { body } = request;
    if (this.#x.attempts > 1 && body instanceof ReplayBody) {
      request = request.clone();
      request.body = body.again();
    }
    // Whatever policies wrote: framing, Host and the fields of a connection are the wire's own.
    request.fields.leaveOut(OF_THE_WIRE);
    carrier.send(request, this.#endpoint!.authority, this);
  }

  refused(failure: Failure): void {
    this.#again(failure);
  }

  informational(head: ResponseHead): void {
    head.fields.dropHopByHop();
    head.fields.leaveOut(Kind.contentLength);
    this.#x.downstream.informational(head.status, head.fields);
  }

  answered(head: ResponseHead, body: Body | undefined, tunnel: Tunnel | undefined): void {
    const { fields } = head;
    fields.dropHopByHop();
    fields.putBlock(head.version === 11 ? VIA : head.version === 10 ? VIA_FROM_10 : VIA_FROM_20);
    const reply = new Reply(head.status, fields, body);
    reply.phrase = head.phrase;
    reply.tunnel = tunnel;
    const sent = this.#x.outgoing.body;
    if (sent instanceof ReplayBody) sent.forget();
    this.#end(reply);
  }

  failed(failure: Failure): void {
    this.#carrier = undefined;
    this.#fresh ||= failure.code === "connection_reused_closed";
    this.#again(failure);
  }

  /** Tries again what never reached a service and can be sent once more; all else is what the client learns. */
  #again(failure: Failure): void {
    const x = this.#x;
    if (this.#over) return;
    if (!this.#mayResend(failure) || x.attempts >= TRIES_MAX) {
      this.#end(failure);
      return;
    }
    this.#stays = STAYS.has(failure.code);
    if (!this.#stays) {
      this.#fresh = false;
      this.#tried = [...this.#tried, this.#endpoint!];
      if (this.#tried.length >= this.#service.endpoints.length) {
        this.#end(failure);
        return;
      }
    }
    this.next();
  }

  /** Whether the request cannot have been served, and is all here to be sent once more. */
  #mayResend(failure: Failure): boolean {
    const { outgoing } = this.#x;
    if (reasonSpec(failure.code).retry !== true) return false;
    const ambiguous = failure.code === "connection_reused_closed" && this.#service.resend === "idempotent";
    if (ambiguous && !IDEMPOTENT.has(outgoing.method)) return false;
    const { body } = outgoing;
    return body === undefined || body instanceof HeldBody || (body as ReplayBody).whole;
  }

  #end(result: Reply | Failure): void {
    if (this.#over) return;
    this.#over = true;
    const body = this.#x.outgoing.body;
    if (result instanceof Failure && body instanceof ReplayBody) body.drop();
    this.#done(result);
  }

  /** The exchange is over before its answer is complete: the service may stop working on it. */
  abort(): void {
    const begun = this.#over;
    this.#over = true;
    const body = this.#x.outgoing.body;
    if (body instanceof ReplayBody) body.drop();
    if (this.#carrier !== undefined) {
      if (!begun) this.#carrier.abort();
    } else this.#endpoint?.pool.forget(this);
  }
}
