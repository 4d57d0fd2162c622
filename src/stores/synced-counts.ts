import type { LimitDecision, LimitState } from "../pipeline/limits.ts";
import { ignoreDown } from "./redis-call.ts";
import { keysOf, type RuleArguments, tagOf } from "./redis-keys.ts";
import { SETTLE } from "./redis-scripts.ts";
import type { RedisStore, StoreLink } from "./redis-store.ts";
import { type SyncedBound, syncedBound } from "./synced-bounds.ts";

const MICRO = 1_000;
/** Keys whose units wait for a store that is down; past it the oldest are forgotten. */
const MOST_KEYS = 100_000;

/** One key, counted here. */
interface Counted {
  readonly tag: string;
  readonly bounds: readonly SyncedBound[];
  /** Units that the store has not been told of, and the windows in which they were taken. */
  units: number;
  windows: readonly string[];
  /** It was asked for since it was settled last. */
  asked: boolean;
  /** What the store said of it has come. */
  known: boolean;
  /** It is being settled. */
  settling: Promise<void> | undefined;
}

/**
 * Counts here and settles with the store every so often: what was counted here goes there, what others have counted comes
 * back. A key that has not been asked for lately is settled before it is decided on. What others have taken in the last two
 * intervals and the time of a call may not be known: by so much a bound can be passed.
 */
export class SyncedCounts {
  readonly #store: RedisStore;
  readonly #space: string;
  readonly #rules: readonly RuleArguments[];
  readonly #keys = new Map<string, Counted>();
  #timer: NodeJS.Timeout | undefined = undefined;
  #sync = 0;
  /** Microseconds that the store's clock is ahead of this thread's, as far as is known. */
  #ahead: number = performance.timeOrigin * MICRO;
  #closed = false;

  constructor(store: RedisStore, space: string, rules: readonly RuleArguments[]) {
    this.#store = store;
    this.#space = space;
    this.#rules = rules;
  }

  /** @param sync milliseconds between two settlements. Throws a StoreDown, or rejects with it. */
  take(link: StoreLink, sync: number, key: string, cost: number): LimitDecision | Promise<LimitDecision> {
    const counted = this.#counted(key);
    counted.asked = true;
    this.#every(sync);
    if (!counted.known) return this.#learnFirst(link, counted, cost);
    const down = link.downFor(tagged(link, counted.tag));
    if (down !== undefined) throw down;
    return this.#decide(counted, cost);
  }

  async #learnFirst(link: StoreLink, counted: Counted, cost: number): Promise<LimitDecision> {
    counted.settling ??= this.#settle(link, [counted]);
    await counted.settling;
    return this.#decide(counted, cost);
  }

  #counted(key: string): Counted {
    const before = this.#keys.get(key);
    if (before !== undefined) return before;
    if (this.#keys.size >= MOST_KEYS) this.#keys.delete(this.#keys.keys().next().value!);
    const made: Counted = {
      tag: tagOf(this.#space, key),
      bounds: this.#rules.map(syncedBound),
      units: 0,
      windows: [],
      asked: true,
      known: false,
      settling: undefined,
    };
    this.#keys.set(key, made);
    return made;
  }

  /** Microseconds of the store's clock. */
  #now(): number {
    return performance.now() * MICRO + this.#ahead;
  }

  #decide(counted: Counted, cost: number): LimitDecision {
    const now = this.#now();
    const { bounds } = counted;
    let fits = true;
    let possible = true;
    let wait = 0;
    let delay = 0;
    for (let i = 0; i < bounds.length; i++) {
      const bound = bounds[i]!;
      const { greatest, kind } = this.#rules[i]!;
      if (cost > greatest) possible = false;
      if (!bound.read(cost, now)) fits = false;
      wait = Math.max(wait, bound.wait);
      if (kind === "l") delay = Math.max(delay, bound.reset);
    }
    if (fits && cost > 0) {
      this.#note(counted, cost, now);
      for (const bound of bounds) bound.read(0, now);
    }
    const states: LimitState[] = bounds.map(({ remaining, reset }, i) => ({
      rule: this.#rules[i]!.rule,
      remaining,
      reset: reset / MICRO,
    }));
    if (fits) return { allowed: true, retryAfter: 0, delay: delay / MICRO, states };
    const retryAfter = possible ? wait / MICRO : Number.POSITIVE_INFINITY;
    return { allowed: false, retryAfter, delay: 0, states };
  }

  #note(counted: Counted, units: number, now: number): void {
    for (const bound of counted.bounds) bound.count(units, now);
    const windows = counted.known ? counted.bounds.map((bound) => bound.windowAt(now)) : [];
    // Units of a window that is over count for nothing any more.
    const [window] = windows;
    if (window !== undefined && windows.length === 1 && counted.windows[0] !== window) counted.units = 0;
    counted.windows = windows;
    counted.units += units;
  }

  /** Adds units, past the bound too. */
  add(link: StoreLink, sync: number, key: string, units: number): void {
    const counted = this.#counted(key);
    counted.asked = true;
    this.#every(sync);
    this.#note(counted, units, this.#now());
    if (counted.known) return;
    counted.settling ??= this.#settle(link, [counted]);
    counted.settling.catch(ignoreDown);
  }

  #every(sync: number): void {
    if (this.#timer !== undefined && this.#sync === sync) return;
    clearInterval(this.#timer);
    this.#sync = sync;
    this.#timer = setInterval(() => this.#tick(), sync).unref();
  }

  /** Settles what was asked for since the last time, and forgets what was not. */
  #tick(): void {
    const { link } = this.#store;
    const due: Counted[] = [];
    for (const [key, counted] of this.#keys) {
      if (counted.settling !== undefined) continue;
      if (counted.asked || counted.units !== 0) due.push(counted);
      else this.#keys.delete(key);
    }
    if (this.#keys.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    if (link === undefined) return;
    for (let at = 0; at < due.length; at += link.batch) {
      const some = due.slice(at, at + link.batch);
      const settling = this.#settle(link, some);
      for (const counted of some) counted.settling = settling;
      settling.catch(ignoreDown);
    }
  }

  async #settle(link: StoreLink, some: readonly Counted[]): Promise<void> {
    const { prefix } = link.config.redis;
    const wall = link.wall();
    const sent = some.map(({ units, windows }) => ({ units, windows }));
    for (const counted of some) {
      counted.units = 0;
      counted.asked = false;
    }
    const args = [
      String(this.#rules.length),
      ...this.#rules.flatMap((rule) => rule.arguments(wall)),
      ...sent.flatMap(({ units, windows }) =>
        this.#rules.flatMap((_, i) => [String(units), windows[i] ?? ""]),
      ),
    ];
    const keys = some.flatMap(({ tag }) => keysOf(prefix, tag, this.#rules));
    const began = performance.now();
    try {
      const [time, ...told] = (await link.run(SETTLE, keys, args)) as [number, ...unknown[][]];
      this.#ahead = time - ((began + performance.now()) / 2) * MICRO;
      const now = this.#now();
      for (const [k, counted] of some.entries()) {
        for (const [i, bound] of counted.bounds.entries()) {
          bound.learn(told[k * this.#rules.length + i]!, now);
          // What was taken meanwhile the store does not know of yet.
          if (counted.units !== 0) bound.count(counted.units, now);
        }
        counted.known = true;
      }
    } catch (error) {
      // Whether they were counted there is not known; they are told of again.
      for (const [k, counted] of some.entries()) {
        counted.units += sent[k]!.units;
        if (counted.windows.length === 0) counted.windows = sent[k]!.windows;
        counted.known = false;
      }
      throw error;
    } finally {
      for (const counted of some) counted.settling = undefined;
    }
  }

  /** Tells the store of what it does not know yet; nothing is counted here afterwards. */
  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#closed) return;
    this.#closed = true;
    const { link } = this.#store;
    const due = [...this.#keys.values()].filter(({ units }) => units !== 0);
    this.#keys.clear();
    if (link === undefined) return;
    for (let at = 0; at < due.length; at += link.batch)
      this.#settle(link, due.slice(at, at + link.batch)).catch(ignoreDown);
  }
}

/** A key of a tag, to find its server by. */
function tagged(link: StoreLink, tag: string): string {
  return `${link.config.redis.prefix}{${tag}}`;
}
