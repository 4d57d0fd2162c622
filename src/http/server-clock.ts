import type { ListenerLimits } from "../lib/limits.ts";
import { BodyPace } from "./body-pace.ts";
import type { IncomingBody } from "./incoming-body.ts";

/**
 * For so long bytes of a client we are done with are read and thrown away, so that it can read our last answer: longer
 * when the rest of a body may be on its way.
 */
const LINGER = 500;
const LINGER_FOR_BODY = 5_000;

/** What a connection must do about the time: nothing, close, refuse a late head, give up a slow body. */
export type ClockVerdict = "go on" | "close" | "head" | "body";

/**
 * How long a connection has waited, and for what. It reads no clock of its own: the first look after a change notes the
 * time, so that a request costs none.
 */
export class ServerClock {
  readonly #limits: ListenerLimits;
  /** When the wait that is under way was first seen; 0 before that. */
  #since = 0;
  /** A request was served before: silence is idleness, not a late head. */
  #served = false;
  /** A head is on its way since then; further bytes of it do not start the wait anew. */
  #headSince = 0;
  readonly #pace: BodyPace;
  #backlog = 0;
  #last = 0;
  #lingerUntil = 0;
  /** How long it waits for a request from now on, where that is not the usual time. */
  #leaveAfter: number | undefined = undefined;

  constructor(limits: ListenerLimits) {
    this.#limits = limits;
    this.#pace = new BodyPace(limits.bodyRate);
  }

  /** Bytes arrived. */
  stirred(): void {
    this.#since = 0;
  }

  /** A request began. */
  began(): void {
    this.#served = true;
    this.#headSince = 0;
    this.#pace.begin();
  }

  /** Its answer is out. */
  answered(): void {
    this.#since = 0;
  }

  /** Our last answer is out: the connection stays a little, longer while bytes of a request are `unread`. */
  linger(unread: boolean): void {
    this.closeIn(unread ? LINGER_FOR_BODY : LINGER);
  }

  /** Whatever happens, it closes then. */
  closeIn(milliseconds: number): void {
    this.#lingerUntil = performance.now() + milliseconds;
  }

  /** Waits for another request only so long, counted anew from here and from each answer. */
  leaveAfter(milliseconds: number): void {
    this.#leaveAfter = milliseconds;
    this.#since = 0;
  }

  look(
    now: number,
    busy: boolean,
    headBegun: boolean,
    body: IncomingBody | undefined,
    backlog: number,
  ): ClockVerdict {
    const elapsed = this.#last === 0 ? 0 : now - this.#last;
    this.#last = now;
    if (this.#lingerUntil !== 0) return now >= this.#lingerUntil ? "close" : "go on";
    if (backlog > 0) return this.#unread(now, backlog);
    this.#backlog = 0;
    if (busy) return this.#slowBody(elapsed, body);
    if (headBegun || (!this.#served && this.#leaveAfter === undefined)) {
      if (this.#headSince === 0) this.#headSince = now;
      if (now - this.#headSince < this.#limits.headerTimeout) return "go on";
      return headBegun ? "head" : "close";
    }
    if (this.#since === 0) this.#since = now;
    return now - this.#since >= (this.#leaveAfter ?? this.#limits.idleTimeout) ? "close" : "go on";
  }

  /** The client does not read what waits for it. */
  #unread(now: number, backlog: number): ClockVerdict {
    if (backlog !== this.#backlog || this.#since === 0) {
      this.#backlog = backlog;
      this.#since = now;
    }
    return now - this.#since >= this.#limits.idleTimeout ? "close" : "go on";
  }

  /** Only the time in which we wait for the client counts, not the time in which the service makes us wait. */
  #slowBody(elapsed: number, body: IncomingBody | undefined): ClockVerdict {
    if (body === undefined || body.done || body.blocked || body.untouched) return "go on";
    return this.#pace.isTooSlow(elapsed, body.received) ? "body" : "go on";
  }
}
