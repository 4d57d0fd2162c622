import type { Clock } from "../lib/clock.ts";

/** How often a failure that lasts is told again, in milliseconds. */
const AGAIN = 60_000;

/** Tells a person of failures that belong to no single request: when they begin, once a minute while they last, and when they end. */
export class Failing {
  readonly #log: { readonly clock: Clock; tell(line: string): void };
  readonly #what: string;
  #since: number | undefined = undefined;
  #told = 0;

  /** @param what what cannot be done, in front of why */
  constructor(log: { readonly clock: Clock; tell(line: string): void }, what: string) {
    this.#log = log;
    this.#what = what;
  }

  begun(error: unknown): void {
    const now = this.#log.clock.now();
    if (this.#since !== undefined && now - this.#told < AGAIN) return;
    this.#since ??= now;
    this.#told = now;
    this.#log.tell(`${this.#what} (${(error as Error | undefined)?.message ?? String(error)})`);
  }

  ended(): void {
    if (this.#since === undefined) return;
    this.#since = undefined;
    this.#log.tell(`${this.#what}: that is over`);
  }
}
