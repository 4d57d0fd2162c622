import type { Clock } from "../lib/clock.ts";
import type { LimitDecision, Limiter, LimitRule, LimitState } from "../pipeline/limits.ts";
import { StoreDown } from "../pipeline/limits.ts";
import { ArrivalBound } from "./arrival-bound.ts";
import { type Bound, MOST_UNITS } from "./bound.ts";
import { FixedBound } from "./fixed-bound.ts";
import { KeyedHash } from "./keyed-hash.ts";
import type { LimitMemory } from "./limit-memory.ts";
import type { SharedTable } from "./shared-table.ts";
import { SlidingBound } from "./sliding-bound.ts";

/** Each time that somebody else was faster that somebody got on: so many times in a row does not happen. */
const ROUNDS = 100_000;

/** The tables of a thread. */
export interface LimitTables {
  readonly counts: SharedTable;
  readonly windows: SharedTable;
}

/** Counts in shared memory; decides at once. */
export class LocalLimiter implements Limiter {
  readonly #bounds: readonly Bound[];
  readonly #clock: Clock;
  readonly #hash: KeyedHash;

  /**
   * @param clock its `now` must be the same in all threads
   */
  constructor(
    space: string,
    rules: readonly LimitRule[],
    tables: LimitTables,
    { hashKey, base }: Pick<LimitMemory, "hashKey" | "base">,
    clock: Clock,
  ) {
    this.#clock = clock;
    this.#hash = new KeyedHash(hashKey);
    const names = new Map<string, number>();
    this.#bounds = rules.map((rule) => {
      check(rule);
      const name = nameOf(rule);
      const nth = (names.get(name) ?? 0) + 1;
      names.set(name, nth);
      this.#hash.of(JSON.stringify([space, name, nth]));
      const mixed = [this.#hash.low, this.#hash.high] as const;
      if (rule.algorithm === "fixed") return new FixedBound(rule, mixed, tables.counts, clock);
      if (rule.algorithm === "sliding") return new SlidingBound(rule, mixed, tables.windows);
      return new ArrivalBound(rule, mixed, tables.counts, base);
    });
  }

  /** Throws a RangeError for a cost that is no whole number from 0, and a StoreDown where there is no room. */
  take(key: string, cost: number): LimitDecision {
    if (!(Number.isInteger(cost) && cost >= 0))
      throw new RangeError(`a cost is a whole number from 0, not ${cost}`);
    const bounds = this.#bounds;
    this.#hash.of(key);
    const { low, high } = this.#hash;
    let possible = true;
    for (let i = 0; i < bounds.length; i++) if (cost > bounds[i]!.greatest) possible = false;
    const take = possible && cost > 0;
    for (let round = 0; round < ROUNDS; round++) {
      const now = this.#clock.now();
      let fits = true;
      for (let i = 0; i < bounds.length; i++) if (!bounds[i]!.read(low, high, cost, now, take)) fits = false;
      if (!fits || !take) return this.#decision(fits, possible, 0);
      if (this.#commit()) return this.#decision(true, true, cost);
    }
    throw new StoreDown("the table of limits is too busy");
  }

  /** All of them, or none. */
  #commit(): boolean {
    const bounds = this.#bounds;
    for (let i = 0; i < bounds.length; i++) {
      if (bounds[i]!.commit()) continue;
      while (--i >= 0) bounds[i]!.undo();
      return false;
    }
    return true;
  }

  #decision(allowed: boolean, possible: boolean, taken: number): LimitDecision {
    const states: LimitState[] = [];
    let wait = 0;
    let delay = 0;
    const bounds = this.#bounds;
    for (let i = 0; i < bounds.length; i++) {
      const bound = bounds[i]!;
      if (taken > 0)
        states.push({ rule: bound.rule, remaining: bound.remaining - taken, reset: bound.resetAfter });
      else states.push({ rule: bound.rule, remaining: bound.remaining, reset: bound.reset });
      if (bound.wait > wait) wait = bound.wait;
      if (bound.delay > delay) delay = bound.delay;
    }
    if (allowed) return { allowed, retryAfter: 0, delay, states };
    return { allowed, retryAfter: possible ? wait : Number.POSITIVE_INFINITY, delay: 0, states };
  }

  add(key: string, cost: number): void {
    const units = cost > 0 ? Math.ceil(cost) : Math.floor(cost);
    if (!Number.isFinite(units) || units === 0) return;
    this.#hash.of(key);
    const { low, high } = this.#hash;
    const now = this.#clock.now();
    for (const bound of this.#bounds)
      bound.add(low, high, Math.max(-MOST_UNITS, Math.min(MOST_UNITS, units)), now);
  }

  close(): void {}
}

/** What rules have in common that count in the same place: counts of windows go on where only a limit has changed. */
function nameOf({ algorithm, limit, window, burst, calendar }: LimitRule): string {
  if (algorithm === "fixed") return `fixed ${calendar === undefined ? window : `calendar ${window}`}`;
  if (algorithm === "sliding") return `sliding ${window}`;
  return `${algorithm} ${limit} ${window} ${burst}`;
}

/** Throws a RangeError for a rule that cannot be counted. */
function check({ limit, window, burst }: LimitRule): void {
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= MOST_UNITS))
    throw new RangeError(`a limit is a whole number from 1 to ${MOST_UNITS}, not ${limit}`);
  if (!(window >= 1 && Number.isFinite(window))) throw new RangeError(`a window of ${window} ms is none`);
  if (!(Number.isInteger(burst) && burst >= 0 && burst <= MOST_UNITS))
    throw new RangeError(`a burst is a whole number from 0 to ${MOST_UNITS}, not ${burst}`);
}
