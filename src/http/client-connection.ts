import { Failure } from "../errors/failure.ts";
import { type BodyFailure, HeldBody } from "../lib/body.ts";
import type { HeadLimits } from "../lib/limits.ts";
import type { Outgoing } from "../lib/outgoing.ts";
import { BodyWriter, type WriterOwner } from "./body-writer.ts";
import { ClientClock, type ClientWait } from "./client-clock.ts";
import type { Carrier, ClientEvents, ClientOwner, ClientTimeouts } from "./client-contract.ts";
import { UNTIL_CLOSE } from "./framing.ts";
import { IncomingBody, type IncomingOwner, RESPONSE_BODY } from "./incoming-body.ts";
import { composeRequestHead, outgoingFraming } from "./request-head.ts";
import { type HeadsOwner, ResponseHeads } from "./response-heads.ts";
import type { ResponseHead } from "./response-reader.ts";
import { handshakeFailure, isTlsAlert } from "./tls-failure.ts";
import type { Transport, TransportOwner } from "./transport.ts";

/** A connection to one endpoint: carries one request at a time. */
export class ClientConnection implements Carrier, TransportOwner, IncomingOwner, WriterOwner, HeadsOwner {
  readonly #owner: ClientOwner;
  readonly #limits: HeadLimits;
  readonly #clock: ClientClock;
  readonly #heads: ResponseHeads;
  readonly #transport: Transport;
  #events: ClientEvents | undefined = undefined;
  /** The answer may switch protocols. */
  #upgrade = false;
  #writer: BodyWriter | undefined = undefined;
  #body: IncomingBody | undefined = undefined;
  #tunnelIn: IncomingBody | undefined = undefined;
  #persistent = false;
  #dead = false;
  /** Requests that were answered on it. */
  #served = 0;

  /**
   * Takes over a connection that stands.
   * @param keepAlive how long it may be unused, in milliseconds
   */
  constructor(
    owner: ClientOwner,
    transport: Transport,
    timeouts: ClientTimeouts,
    limits: HeadLimits,
    keepAlive: number,
  ) {
    this.#owner = owner;
    this.#limits = limits;
    this.#clock = new ClientClock(timeouts, keepAlive);
    this.#heads = new ResponseHeads(this, limits);
    this.#transport = transport;
    transport.giveTo(this);
  }

  /** Sends a request on an idle connection. */
  send(request: Outgoing, host: string, events: ClientEvents): void {
    this.#events = events;
    this.#upgrade = request.upgrade === "websocket";
    this.#heads.expect(request.method);
    this.#clock.stirred();
    const { body } = request;
    const framing = outgoingFraming(body);
    const head = composeRequestHead(request, host, framing);
    if (body === undefined) {
      this.#transport.write(head);
      return;
    }
    this.#writer = new BodyWriter(this, this.#transport, head, framing);
    this.#writer.write(body);
  }

  // ---- reading

  received(bytes: Buffer, to: number, reused: boolean): boolean {
    this.#clock.stirred();
    if (this.#dead) return true;
    const body = this.#tunnelIn ?? this.#body;
    if (body !== undefined) {
      const end = body.push(bytes, 0, to, reused);
      if (end < to) this.#poisoned();
      return !body.blocked;
    }
    if (this.#events === undefined) {
      this.#poisoned();
      return true;
    }
    this.#heads.take(bytes, to);
    return !(this.#tunnelIn ?? (this.#body as IncomingBody | undefined))?.blocked;
  }

  interimHead(head: ResponseHead): boolean {
    this.#events!.informational(head);
    return this.#events !== undefined;
  }

  headBroken(failure: Failure): void {
    this.#fail(failure);
  }

  finalHead(head: ResponseHead, bytes: Buffer, from: number, to: number): void {
    if (head.status === 101) {
      this.#switch(head, bytes, from, to);
      return;
    }
    this.#persistent = head.persistent;
    if (head.keepAlive !== undefined) this.#clock.serviceKeepsFor(head.keepAlive);
    if (head.framing === 0) {
      if (from < to) this.#persistent = false;
      this.#finish(head, undefined);
      return;
    }
    const body = new IncomingBody(this, this.#transport, head.framing, this.#limits, RESPONSE_BODY);
    if (from < to) {
      const whole = body.whole(bytes, from, to);
      if (body.failure !== undefined) {
        this.#fail(body.failure);
        return;
      }
      if (whole !== undefined) {
        if (whole.end < to) this.#persistent = false;
        this.#finish(head, new HeldBody(whole.content, body.trailers));
        return;
      }
    }
    this.#body = body;
    this.#events!.answered(head, body, undefined);
  }

  /** The whole answer is here: the connection is free before the answer goes on, so that the next request can use it. */
  #finish(head: ResponseHead, body: HeldBody | undefined): void {
    const events = this.#events!;
    this.#release();
    events.answered(head, body, undefined);
  }

  #switch(head: ResponseHead, bytes: Buffer, from: number, to: number): void {
    if (!this.#upgrade || head.fields.get("upgrade")?.toLowerCase() !== "websocket") {
      this.#fail(new Failure("upgrade_unasked"));
      return;
    }
    const incoming = IncomingBody.untilClose(this, this.#transport, this.#limits, RESPONSE_BODY);
    this.#tunnelIn = incoming;
    this.#writer = new BodyWriter(this, this.#transport, "", UNTIL_CLOSE);
    if (from < to) incoming.push(Buffer.from(bytes.subarray(from, to)), 0, to - from, false);
    this.#events!.answered(head, undefined, {
      incoming,
      outgoing: this.#writer,
      abort: () => this.#transport.destroy(),
    });
  }

  bodyRead(extra: boolean): void {
    if (extra) this.#persistent = false;
    if (this.#tunnelIn !== undefined) {
      if (this.#writer?.over) this.#transport.destroy();
      return;
    }
    this.#release();
  }

  /** Closing costs less than reading what nobody wants. */
  bodyDropped(): void {
    this.close();
  }

  bodyBroken(): void {
    this.#poisoned();
  }

  /** The exchange on this connection is over; it serves on when both sides of it are whole. */
  #release(): void {
    this.#events = undefined;
    this.#body = undefined;
    this.#served++;
    const whole = this.#writer === undefined || this.#writer.over;
    if (!whole) this.#writer?.abandon();
    if (whole && this.#persistent && !this.#dead && !this.#transport.closed) {
      this.#writer = undefined;
      this.#owner.freed(this);
    } else this.close();
  }

  /** The service sent what nobody asked for: nothing on this connection can be believed any more. */
  #poisoned(): void {
    this.#persistent = false;
    if (this.#body === undefined || this.#body.done || this.#body.failure !== undefined) this.close();
  }

  ended(): void {
    if (this.#tunnelIn !== undefined) {
      this.#tunnelIn.peerEnded();
      return;
    }
    this.#persistent = false;
    this.#body?.peerEnded();
    this.close();
  }

  // ---- writing

  messageWritten(): void {
    if (this.#tunnelIn === undefined) return;
    this.#transport.endWrite();
    if (this.#tunnelIn.done) this.#transport.destroy();
  }

  /** The request's body broke: the service must not take what it has for a whole request. */
  messageCut(failure: BodyFailure): void {
    this.#fail(failure instanceof Failure ? failure : new Failure(failure.code, failure.detail));
  }

  drained(): void {
    this.#writer?.drained();
  }

  /** The service takes no more of the request; its answer may be on its way all the same. */
  writeFailed(): void {
    this.#persistent = false;
    this.#writer?.abandon();
  }

  // ---- the end

  /** Nobody waits for the answer any more. */
  abort(): void {
    this.#events = undefined;
    this.#writer?.abandon();
    this.#body?.cancel();
    this.close();
  }

  #fail(failure: Failure): void {
    const events = this.#events;
    this.#events = undefined;
    this.close();
    events?.failed(failure);
  }

  /** Closes it; a request that is under way fails. */
  close(): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#owner.gone(this);
    if (!this.#transport.closed) this.#transport.destroy();
    if (this.#events !== undefined) this.#lost(this.#transport.error);
  }

  closed(error: string | undefined): void {
    if (!this.#dead) {
      this.#dead = true;
      this.#owner.gone(this);
    }
    this.#body?.fail(new Failure("body_cut", error));
    this.#tunnelIn?.fail(new Failure("body_cut", error));
    this.#lost(error);
    this.#writer?.abandon();
  }

  /** The connection went away under a request. */
  #lost(error: string | undefined): void {
    const events = this.#events;
    this.#events = undefined;
    if (events === undefined || this.#body !== undefined || this.#tunnelIn !== undefined) return;
    const code = this.#served > 0 && !this.#heads.begun ? "connection_reused_closed" : "response_cut";
    // With TLS 1.3 a service that refuses our certificate says so only after the first request.
    const refused = this.#served === 0 && !this.#heads.begun && isTlsAlert(error);
    events.failed(refused ? handshakeFailure(error) : new Failure(code, error));
  }

  sweep(now: number): void {
    if (this.#dead) return;
    const wait = this.#waitsFor();
    if (!this.#clock.isLate(now, wait, wait === "upload" ? this.#transport.backlog : 0)) return;
    switch (wait) {
      case "body":
        this.#body!.fail(new Failure("body_idle"));
        this.close();
        break;
      case "request":
        this.close();
        break;
      default:
        this.#fail(new Failure("response_timeout"));
    }
  }

  #waitsFor(): ClientWait {
    if (this.#tunnelIn !== undefined) return "us";
    if (this.#body !== undefined) return this.#body.blocked ? "us" : "body";
    if (this.#events === undefined) return "request";
    return this.#writer === undefined || this.#writer.over ? "answer" : "upload";
  }
}
