import { randomBytes } from "node:crypto";
import type { Gauge } from "../pipeline/limits.ts";
import { ignoreDown } from "./redis-call.ts";
import { tagOf } from "./redis-keys.ts";
import { ENTER, HOLD, LEAVE } from "./redis-scripts.ts";
import type { RedisStore } from "./redis-store.ts";

/** A place is held anew so many times within its lease. */
const OFTEN = 3;
/** Places that one call holds. */
const BATCH = 500;
/** What could not be given back is tried again so often, in milliseconds, until its lease has ended. */
const AGAIN = 500;
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
  #left: Left[] = [];
  #again: NodeJS.Timeout | undefined = undefined;
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

  #giveBack(key: string, names: readonly string[], end = performance.now() + this.#lease): void {
    const { link } = this.#store;
    const later = (): void => {
      if (performance.now() > end || this.#closed) return;
      this.#left.push({ key, names, end });
      this.#again ??= setTimeout(() => this.#tryAgain(), AGAIN).unref();
    };
    if (link === undefined) later();
    else
      link.run(LEAVE, [this.#keyOf(link.config.redis.prefix, key)], names).catch((error: unknown) => {
        ignoreDown(error);
        later();
      });
  }

  #tryAgain(): void {
    this.#again = undefined;
    const left = this.#left;
    this.#left = [];
    for (const { key, names, end } of left) this.#giveBack(key, names, end);
  }

  #keyOf(prefix: string, key: string): string {
    return `${prefix}{${tagOf(this.#space, key)}}:g`;
  }

  #start(): void {
    if (this.#timer === undefined) this.#timer = setInterval(() => this.#hold(), this.#lease / OFTEN).unref();
  }

  #hold(): void {
    const { link } = this.#store;
    if (this.#held.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    if (link === undefined) return;
    for (const [key, names] of this.#held) {
      const at = this.#keyOf(link.config.redis.prefix, key);
      for (let from = 0; from < names.length; from += BATCH) {
        const some = names.slice(from, from + BATCH);
        link.run(HOLD, [at], [String(this.#lease), ...some]).catch(ignoreDown);
      }
    }
  }

  /** What is taken is held until it is given back. */
  close(): void {
    this.#closed = true;
    if (this.#held.size > 0) return;
    clearInterval(this.#timer);
    clearTimeout(this.#again);
    this.onClose?.();
    this.onClose = undefined;
  }
}

/** Places that are to be given back, until their lease ends by itself. */
interface Left {
  readonly key: string;
  readonly names: readonly string[];
  readonly end: number;
}
