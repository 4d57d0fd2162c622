import type { LimitDecision, Limiter, LimitRule, LimitState } from "../pipeline/limits.ts";
import { ignoreDown } from "./redis-call.ts";
import { argumentsOf, keysOf, type RuleArguments, tagOf } from "./redis-keys.ts";
import { TAKE } from "./redis-scripts.ts";
import type { RedisStore } from "./redis-store.ts";
import type { SyncedCounts } from "./synced-counts.ts";

/** Microseconds of a millisecond. */
const MICRO = 1_000;
/** Units that are added at once at most. */
const MOST = 0xffff_fffe;

/** Counts in Redis: each decision there, or, in a store with `sync`, here, with what is counted there learnt in between. */
export class RedisLimiter implements Limiter {
  onClose: (() => void) | undefined = undefined;
  readonly #store: RedisStore;
  readonly #space: string;
  readonly #rules: readonly RuleArguments[];
  #synced: { readonly counts: SyncedCounts; leave(): void } | undefined = undefined;

  constructor(store: RedisStore, space: string, rules: readonly LimitRule[]) {
    this.#store = store;
    this.#space = space;
    this.#rules = argumentsOf(rules);
  }

  /** Throws a RangeError for a cost that is no whole number from 0, and a StoreDown. */
  take(key: string, cost: number): LimitDecision | Promise<LimitDecision> {
    if (!(Number.isInteger(cost) && cost >= 0))
      throw new RangeError(`a cost is a whole number from 0, not ${cost}`);
    const { link } = this.#store;
    if (link === undefined) throw this.#store.missing;
    if (link.config.sync !== undefined) return this.#counts.take(link, link.config.sync, key, cost);
    return this.#ask(link, key, cost);
  }

  get #counts(): SyncedCounts {
    this.#synced ??= this.#store.synced(this.#space, this.#rules);
    return this.#synced.counts;
  }

  async #ask(link: NonNullable<RedisStore["link"]>, key: string, cost: number): Promise<LimitDecision> {
    const possible = this.#rules.every(({ greatest }) => cost <= greatest);
    const keys = keysOf(link.config.redis.prefix, tagOf(this.#space, key), this.#rules);
    const reply = await link.run(TAKE, keys, this.#arguments(link.wall(), possible ? cost : 0, "take"));
    const [fits, wait, delay, ...rest] = reply as [number, number, number, ...number[]];
    const states: LimitState[] = this.#rules.map(({ rule }, i) => ({
      rule,
      remaining: rest[i * 2]!,
      reset: rest[i * 2 + 1]! / MICRO,
    }));
    if (fits === 1 && possible) return { allowed: true, retryAfter: 0, delay: delay / MICRO, states };
    const retryAfter = possible ? wait / MICRO : Number.POSITIVE_INFINITY;
    return { allowed: false, retryAfter, delay: 0, states };
  }

  add(key: string, cost: number): void {
    const whole = cost > 0 ? Math.ceil(cost) : Math.floor(cost);
    const { link } = this.#store;
    if (!Number.isFinite(whole) || whole === 0 || link === undefined) return;
    const units = Math.max(-MOST, Math.min(MOST, whole));
    if (link.config.sync !== undefined) {
      this.#counts.add(link, link.config.sync, key, units);
      return;
    }
    const keys = keysOf(link.config.redis.prefix, tagOf(this.#space, key), this.#rules);
    // A store that is down counts nothing.
    link.run(TAKE, keys, this.#arguments(link.wall(), units, "add")).catch(ignoreDown);
  }

  #arguments(wall: number, cost: number, what: "take" | "add"): string[] {
    return [String(cost), what, ...this.#rules.flatMap((rule) => rule.arguments(wall))];
  }

  close(): void {
    this.#synced?.leave();
    this.#synced = undefined;
    this.onClose?.();
    this.onClose = undefined;
  }
}
