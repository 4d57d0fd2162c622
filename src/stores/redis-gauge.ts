import { randomBytes } from "node:crypto";
import type { Gauge } from "../pipeline/limits.ts";
import { tagOf } from "./redis-keys.ts";
import { ignoreDown } from "./redis-link.ts";
import { ENTER, HOLD, LEAVE } from "./redis-scripts.ts";
import type { RedisStore } from "./redis-store.ts";

/** A place is held anew so many times within its lease. */
const OFTEN = 3;
/** Places that one call holds or gives back. */
const BATCH = 500;
/** A lease is as long as this at least, in milliseconds. */
const SHORTEST = 1_000;

/**
 * Counts what is under way at once, by places with a lease: they are held anew while they are taken, and those of a gateway
 * that died come back when their lease ends.
 */
export class RedisGauge implements Gauge {
  onClose: (() => void) | undefined = undefined;
  readonly #store: RedisStore;
  readonly #space: string;
  readonly #lease: number;
  /** What names of places begin with: nobody else's do. */
  readonly #self: string = randomBytes(9).toString("base64url");
  /** Names of the places that are taken, by key. */
  readonly #held = new Map<string, string[]>();
  /** Those that could not be given back yet. */
  #left = new Map<string, string[]>();
  #next = 0;
  #timer: NodeJS.Timeout | undefined = undefined;
  #closed = false;

  /** @param lease in milliseconds */
  constructor(store: RedisStore, space: string, lease: number) {
    this.#store = store;
    this.#space = space;
    this.#lease = Math.max(SHORTEST, Math.ceil(lease));
  }

  /** Throws a StoreDown. */
  async enter(key: string, max: number): Promise<boolean> {
    const { link } = this.#store;
    if (link === undefined) throw this.#store.missing;
    const name = `${this.#self}:${(this.#next++).toString(36)}`;
    const at = this.#keyOf(link.config.redis.prefix, key);
    const late = (entered: unknown): void => {
      if (entered === 1) this.#giveBack(key, [name]);
    };
    const entered = await link.run(ENTER, [at], [String(max), name, String(this.#lease)], late);
    if (entered !== 1) return false;
    const names = this.#held.get(key);
    if (names === undefined) this.#held.set(key, [name]);
    else names.push(name);
    this.#start();
    return true;
  }

  leave(key: string): void {
    const names = this.#held.get(key);
    const name = names?.pop();
    if (name === undefined) return;
    if (names!.length === 0) this.#held.delete(key);
    this.#giveBack(key, [name]);
    if (this.#closed) this.close();
  }

  #giveBack(key: string, names: readonly string[]): void {
    const { link } = this.#store;
    const again = (error: unknown): void => {
      ignoreDown(error);
      this.#left.set(key, [...(this.#left.get(key) ?? []), ...names]);
      this.#start();
    };
    if (link === undefined) again(this.#store.missing);
    else link.run(LEAVE, [this.#keyOf(link.config.redis.prefix, key)], names).catch(again);
  }

  #keyOf(prefix: string, key: string): string {
    return `${prefix}{${tagOf(this.#space, key)}}:g`;
  }

  #start(): void {
    if (this.#closed && this.#held.size === 0) return;
    this.#timer ??= setInterval(() => this.#tick(), this.#lease / OFTEN).unref();
  }

  #tick(): void {
    const left = this.#left;
    this.#left = new Map();
    // What the lease has ended meanwhile needs not be given back: it is done once more at most.
    for (const [key, names] of left) for (const some of batches(names)) this.#giveBackOnce(key, some);
    const { link } = this.#store;
    for (const [key, names] of this.#held)
      for (const some of batches(names)) {
        if (link === undefined) continue;
        const at = this.#keyOf(link.config.redis.prefix, key);
        link.run(HOLD, [at], [String(this.#lease), ...some]).catch(ignoreDown);
      }
    if (this.#held.size > 0 || this.#left.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #giveBackOnce(key: string, names: readonly string[]): void {
    const { link } = this.#store;
    if (link === undefined) return;
    link.run(LEAVE, [this.#keyOf(link.config.redis.prefix, key)], names).catch(ignoreDown);
  }

  /** What is taken is held until it is given back. */
  close(): void {
    this.#closed = true;
    if (this.#held.size > 0) return;
    clearInterval(this.#timer);
    this.onClose?.();
    this.onClose = undefined;
  }
}

function* batches(names: readonly string[]): Generator<readonly string[]> {
  for (let at = 0; at < names.length; at += BATCH) yield names.slice(at, at + BATCH);
}
