/** How requests are counted against a bound. */
export type LimitAlgorithm =
  /** At most `limit` units in each window; windows begin at multiples of their length, or by the calendar. */
  | "fixed"
  /** At most `limit` units in any window, wherever it begins. */
  | "sliding"
  /** `limit` units come back a window, one by one; at most `burst` are saved (generic cell rate algorithm). */
  | "token-bucket"
  /** One unit passes each `window / limit`; up to `burst` wait for their turn, more are refused. */
  | "leaky-bucket";

/** One bound, as compiled. */
export interface LimitRule {
  readonly algorithm: LimitAlgorithm;
  /** Units that a window has; a whole number from 1. */
  readonly limit: number;
  /** Milliseconds. Of a calendar window its greatest length. */
  readonly window: number;
  /** Units; for `fixed` and `sliding` without a meaning. */
  readonly burst: number;
  /** Start and end of the window that holds a time, both in milliseconds since 1970; only for `fixed`. */
  readonly calendar?: (wall: number) => readonly [from: number, to: number];
}

/** What a store said about one bound. */
export interface LimitState {
  readonly rule: LimitRule;
  /** Units that are left now, from 0. */
  readonly remaining: number;
  /** Milliseconds until all units of this bound are there again. */
  readonly reset: number;
}

/** What a store decided. */
export interface LimitDecision {
  readonly allowed: boolean;
  /** Milliseconds until the same request may be allowed; 0 where it was. Infinity: never, it costs more than there is. */
  readonly retryAfter: number;
  /** Milliseconds that an allowed request must wait for its turn (leaky bucket). */
  readonly delay: number;
  /** In the order of the rules. */
  readonly states: readonly LimitState[];
  /** The store could not be asked: this was decided by what stands in its place. */
  readonly degraded?: true;
}

/** Counts requests of one policy against its bounds, all or none of them. */
export interface Limiter {
  /**
   * Takes `cost` units (0 looks only) of every bound for a key, or of none. Rejects with a StoreDown where the store cannot be
   * asked in time.
   */
  take(key: string, cost: number): LimitDecision | Promise<LimitDecision>;
  /** Adds what a request turned out to cost, past the bound too; negative gives back. Never throws. */
  add(key: string, cost: number): void;
  close(): void;
}

/** Counts what is under way at once. */
export interface Gauge {
  /** Takes a place of at most `max` for a key; false where there is none. Rejects with a StoreDown. */
  enter(key: string, max: number): boolean | Promise<boolean>;
  /** Gives the place back; each successful `enter` exactly once. */
  leave(key: string): void;
  close(): void;
}

/** Where limits are counted. */
export interface LimitStore {
  /** `space` keeps policies apart: the same for all workers and gateways that count together, also after a restart. */
  limiter(space: string, rules: readonly LimitRule[]): Limiter;
  /** @param lease milliseconds after which a place that nobody gave back is free again, in a store that outlives gateways */
  gauge(space: string, lease: number): Gauge;
}

/** A store cannot be asked, or not in time. */
export class StoreDown extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StoreDown";
  }
}
