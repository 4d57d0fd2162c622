import type { ListenerLimits } from "../../lib/limits.ts";

/** For so long bytes of a client we are done with are read and thrown away, in milliseconds. */
const LINGER = 500;

/** What a connection must do about the time. */
export type Http2Verdict = "go on" | "destroy" | "late" | "unacknowledged" | "idle" | "last call";

/** What a connection is doing, as its clock asks. */
export interface Http2State {
  /** The first SETTINGS or a header block is not complete. */
  readonly unfinished: boolean;
  /** A frame is not complete. */
  readonly inFrame: boolean;
  /** Frames so far. */
  readonly frames: number;
  /** SETTINGS of ours wait for their acknowledgement. */
  readonly unacknowledged: boolean;
  readonly streams: number;
  /** Bytes that the kernel has not taken. */
  readonly backlog: number;
}

/** How long a connection has waited, and for what; like ServerClock it notes the time at the first look after a change. */
export class Http2Clock {
  readonly #limits: ListenerLimits;
  #last = 0;
  #idleSince = 0;
  #incompleteSince = 0;
  #frames = 0;
  #sentSince = 0;
  #backlog = 0;
  #backlogSince = 0;
  #lingerUntil = 0;
  #lastCallAt = 0;
  /** Milliseconds between the last two looks. */
  elapsed = 0;

  constructor(limits: ListenerLimits) {
    this.#limits = limits;
  }

  /** A stream ended or a frame arrived: idleness begins anew. */
  stirred(): void {
    this.#idleSince = 0;
  }

  /** It closes soon, whatever comes. */
  linger(): void {
    this.#lingerUntil = performance.now() + LINGER;
  }

  /** Streams are taken for so long, then the client is told which was the last. */
  lastCallIn(milliseconds: number): void {
    this.#lastCallAt = performance.now() + milliseconds;
  }

  /** The client has not been told which stream is the last. */
  get awaitsLastCall(): boolean {
    return this.#lastCallAt !== 0;
  }

  /** Which was the last has been told. */
  lastCalled(): void {
    this.#lastCallAt = 0;
  }

  look(now: number, state: Http2State): Http2Verdict {
    this.elapsed = this.#last === 0 ? 0 : now - this.#last;
    this.#last = now;
    if (this.#lingerUntil !== 0) return now >= this.#lingerUntil ? "destroy" : "go on";
    if (this.#lastCallAt !== 0 && now >= this.#lastCallAt) return "last call";
    if (this.#isUnread(now, state.backlog)) return "destroy";
    if (this.#isLate(now, state)) return "late";
    if (state.unacknowledged && this.#sentSince === 0) this.#sentSince = now;
    if (!state.unacknowledged) this.#sentSince = 0;
    else if (now - this.#sentSince >= this.#limits.headerTimeout) return "unacknowledged";
    if (state.streams > 0) this.#idleSince = 0;
    else if (this.#idleSince === 0) this.#idleSince = now;
    else if (now - this.#idleSince >= this.#limits.idleTimeout) return "idle";
    return "go on";
  }

  /** The client does not read what waits for it. */
  #isUnread(now: number, backlog: number): boolean {
    if (backlog === 0 || backlog !== this.#backlog) {
      this.#backlog = backlog;
      this.#backlogSince = now;
      return false;
    }
    return now - this.#backlogSince >= this.#limits.idleTimeout;
  }

  #isLate(now: number, { unfinished, inFrame, frames }: Http2State): boolean {
    const another = !unfinished && frames !== this.#frames;
    this.#frames = frames;
    if (another || (!unfinished && !inFrame)) {
      this.#incompleteSince = 0;
      return false;
    }
    if (this.#incompleteSince === 0) this.#incompleteSince = now;
    return now - this.#incompleteSince >= this.#limits.headerTimeout;
  }
}
