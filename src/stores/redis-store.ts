import type { StoreConfig } from "../config/store-schema.ts";
import { type Gauge, type Limiter, type LimitRule, type LimitStore, StoreDown } from "../pipeline/limits.ts";
import { RedisGauge } from "./redis-gauge.ts";
import type { RuleArguments } from "./redis-keys.ts";
import { RedisLimiter } from "./redis-limiter.ts";
import type { ScriptRunner } from "./redis-link.ts";
import { SyncedCounts } from "./synced-counts.ts";

/** What a store is reached by. */
export interface StoreLink extends ScriptRunner {
  readonly config: StoreConfig;
  /** Whether all of its servers can be asked. */
  readonly up: boolean;
  close(): Promise<void>;
}

/**
 * Limits in Redis or Valkey. What it is reached by may be replaced while limiters of it are in use: they go on with the new
 * one.
 */
export class RedisStore implements LimitStore {
  readonly #name: string;
  readonly #onUnused: () => void;
  /** Counts of this thread that several limiters have together, with how many have them. */
  readonly #synced = new Map<string, { readonly counts: SyncedCounts; users: number }>();
  #users = 0;
  #link: StoreLink | undefined = undefined;
  #missing: StoreDown | undefined = undefined;

  /**
   * @param name its name in the config
   * @param onUnused called when the last limiter or gauge of it has been closed
   */
  constructor(name: string, onUnused: () => void = () => undefined) {
    this.#name = name;
    this.#onUnused = onUnused;
  }

  /** What it is reached by; undefined while it is not connected. */
  get link(): StoreLink | undefined {
    return this.#link;
  }

  set link(link: StoreLink | undefined) {
    this.#link = link;
  }

  /** Why it cannot be asked without a link. */
  get missing(): StoreDown {
    this.#missing ??= new StoreDown(`the store ${this.#name} is not connected`);
    return this.#missing;
  }

  /** How many limiters and gauges of it are in use. */
  get users(): number {
    return this.#users;
  }

  /** Throws a RangeError for a rule that cannot be counted. */
  limiter(space: string, rules: readonly LimitRule[]): Limiter {
    return this.#used(new RedisLimiter(this, space, rules));
  }

  gauge(space: string, lease: number): Gauge {
    return this.#used(new RedisGauge(this, space, lease));
  }

  /** Counts that are settled every so often: the same for all limiters of a space with the same rules. Given back by `leave`. */
  synced(space: string, rules: readonly RuleArguments[]): { readonly counts: SyncedCounts; leave(): void } {
    const name = JSON.stringify([
      space,
      rules.map(({ suffix, rule: { limit, burst } }) => [suffix, limit, burst]),
    ]);
    const one = this.#synced.get(name) ?? { counts: new SyncedCounts(this, space, rules), users: 0 };
    this.#synced.set(name, one);
    one.users++;
    const leave = (): void => {
      if (--one.users > 0) return;
      this.#synced.delete(name);
      one.counts.close();
    };
    return { counts: one.counts, leave };
  }

  #used<T extends { onClose: (() => void) | undefined }>(one: T): T {
    this.#users++;
    one.onClose = () => {
      if (--this.#users === 0) this.#onUnused();
    };
    return one;
  }
}
