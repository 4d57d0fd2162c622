import type { Exchange } from "./exchange.ts";

/** Waits so many milliseconds; false where the exchange is over before. */
export function waitTurn(x: Exchange, milliseconds: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(!x.settled), milliseconds);
    x.onAbort(() => {
      clearTimeout(timer);
      resolve(false);
    });
  });
}

/** One who waits for a place. */
interface Waiter {
  readonly x: Exchange;
  readonly done: (entered: boolean) => void;
  readonly fail: (error: unknown) => void;
  readonly timer: NodeJS.Timeout;
}

/** How often those who wait ask again: places may have become free in other workers, in milliseconds. */
const POLL = 20;

/** Those who wait for places, by key; each in the order in which they came. */
export class WaitingLine {
  readonly #max: number;
  readonly #timeout: number;
  readonly #enter: (key: string) => boolean | Promise<boolean>;
  readonly #leave: (key: string) => void;
  readonly #lines = new Map<string, Waiter[]>();
  readonly #asking = new Set<string>();
  #poll: NodeJS.Timeout | undefined = undefined;

  /**
   * @param max who may wait for one key at once
   * @param timeout milliseconds that one waits at most
   * @param enter takes a place where there is one; what it throws or rejects with, all who wait for that key are told
   */
  constructor(
    max: number,
    timeout: number,
    enter: (key: string) => boolean | Promise<boolean>,
    leave: (key: string) => void,
  ) {
    this.#max = max;
    this.#timeout = timeout;
    this.#enter = enter;
    this.#leave = leave;
  }

  /** Waits for a place; false where the line is full, the time is up, or the exchange is over. Rejects as `enter` does. */
  wait(key: string, x: Exchange): Promise<boolean> {
    const line = this.#lines.get(key) ?? [];
    if (line.length >= this.#max) return Promise.resolve(false);
    this.#lines.set(key, line);
    return new Promise((resolve, reject) => {
      const out = (): void => {
        clearTimeout(waiter.timer);
        const at = line.indexOf(waiter);
        if (at !== -1) line.splice(at, 1);
        if (line.length === 0 && this.#lines.get(key) === line) this.#lines.delete(key);
      };
      const end = (entered: boolean): void => {
        out();
        resolve(entered);
      };
      const fail = (error: unknown): void => {
        out();
        reject(error);
      };
      const waiter: Waiter = { x, done: end, fail, timer: setTimeout(() => end(false), this.#timeout) };
      line.push(waiter);
      x.onAbort(() => end(false));
      this.#poll ??= setInterval(() => this.#askAll(), POLL);
    });
  }

  /** Whether somebody waits for this key. */
  has(key: string): boolean {
    return this.#lines.has(key);
  }

  #askAll(): void {
    for (const key of this.#lines.keys()) this.free(key);
    if (this.#lines.size > 0) return;
    clearInterval(this.#poll);
    this.#poll = undefined;
  }

  /** A place may be free: whoever is first takes it. */
  free(key: string): void {
    while (!this.#asking.has(key) && this.#lines.has(key)) {
      let entered: boolean | Promise<boolean>;
      try {
        entered = this.#enter(key);
      } catch (error) {
        this.#fail(key, error);
        return;
      }
      if (typeof entered !== "boolean") {
        void this.#later(key, entered);
        return;
      }
      if (!entered) return;
      this.#give(key);
    }
  }

  /** The store answers in its time: it is asked for one place after the other. */
  async #later(key: string, entered: Promise<boolean>): Promise<void> {
    this.#asking.add(key);
    let late = false;
    try {
      late = await entered;
    } catch (error) {
      this.#fail(key, error);
    } finally {
      this.#asking.delete(key);
    }
    if (!late) return;
    this.#give(key);
    this.free(key);
  }

  /** Whether there are places cannot be found out: nobody waits for that. */
  #fail(key: string, error: unknown): void {
    for (const { fail } of [...(this.#lines.get(key) ?? [])]) fail(error);
  }

  #give(key: string): void {
    const [first] = this.#lines.get(key) ?? [];
    if (first === undefined || first.x.settled) {
      first?.done(false);
      this.#leave(key);
    } else first.done(true);
  }

  /** Nobody waits any more. */
  close(): void {
    clearInterval(this.#poll);
    for (const line of [...this.#lines.values()]) for (const { done } of [...line]) done(false);
  }
}
