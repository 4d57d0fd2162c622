import { Failure } from "../errors/failure.ts";
import type { PoolClient } from "./client-contract.ts";
import { type Swept, unwatch, watch } from "./sweeper.ts";

interface Waiting {
  readonly client: PoolClient;
  /** In milliseconds of the sweeper's clock; 0 until it is first looked at. */
  since: number;
}

/** Those who wait for a carrier of one pool, in the order in which they came; who waits too long is refused. */
export class WaitingClients implements Swept {
  readonly #timeout: number;
  readonly #waiting: Waiting[] = [];

  /** @param timeout how long one waits, in milliseconds */
  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.length;
  }

  /** Takes a place behind the others. */
  add(client: PoolClient): void {
    if (this.#waiting.length === 0) watch(this);
    this.#waiting.push({ client, since: 0 });
  }

  /** Takes out the one who waits longest; undefined when nobody waits. */
  next(): PoolClient | undefined {
    if (this.#waiting.length === 0) return undefined;
    const { client } = this.#waiting.shift()!;
    if (this.#waiting.length === 0) unwatch(this);
    return client;
  }

  /** Refuses those who wait longest, at most so many: what they waited for will not be had. */
  refuse(count: number, failure: Failure): void {
    const unlucky = this.#waiting.splice(0, count);
    if (this.#waiting.length === 0) unwatch(this);
    for (const { client } of unlucky) client.refused(failure);
  }

  /** One who waits does not need a carrier any more. */
  forget(client: PoolClient): void {
    const at = this.#waiting.findIndex((waiting) => waiting.client === client);
    if (at === -1) return;
    this.#waiting.splice(at, 1);
    if (this.#waiting.length === 0) unwatch(this);
  }

  sweep(now: number): void {
    for (const waiting of this.#waiting) if (waiting.since === 0) waiting.since = now;
    for (;;) {
      const first = this.#waiting[0];
      // Who has come back since, having been refused, waits anew.
      if (first === undefined || first.since === 0 || now - first.since < this.#timeout) return;
      this.next()!.refused(new Failure("pool_timeout"));
    }
  }
}
