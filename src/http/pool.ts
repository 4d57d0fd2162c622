import { Failure } from "../errors/failure.ts";
import type { HeadLimits } from "../lib/limits.ts";
import { ClientConnection } from "./client-connection.ts";
import type { ClientOwner, ClientTimeouts, EndpointPool, PoolClient } from "./client-contract.ts";
import { Dialing, type DialingOwner, type DialTarget } from "./dialing.ts";
import { type Swept, unwatch, watch } from "./sweeper.ts";
import type { ReadMode } from "./transport.ts";

/** How many connections one endpoint gets, and who may wait for one. */
export interface PoolOptions {
  readonly target: DialTarget;
  readonly timeouts: ClientTimeouts;
  readonly limits: HeadLimits;
  /** Open connections at most. */
  readonly max: number;
  /** Requests that may wait for one. */
  readonly waiting: number;
  /** How long a request waits for one, in milliseconds. */
  readonly waitTimeout: number;
  /** How long an unused connection is kept, in milliseconds. */
  readonly keepAlive: number;
  readonly mode: ReadMode;
  /** Whether there is a place for one more, where several pools share theirs; left out: only `max` counts. */
  readonly mayOpen?: (() => boolean) | undefined;
}

interface Waiting {
  readonly client: PoolClient;
  since: number;
}

/**
 * The connections to one endpoint. The one used last is used first, so that the others can grow old and go; whoever finds
 * none free waits in order.
 */
export class Pool implements EndpointPool, ClientOwner, DialingOwner, Swept {
  readonly #options: PoolOptions;
  readonly #idle: ClientConnection[] = [];
  readonly #all = new Set<ClientConnection>();
  readonly #queue: Waiting[] = [];
  readonly #dialing = new Set<Dialing>();
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Asks for a connection: an idle one at once, else (or when it must be `fresh`) a new one, else a place in the queue. */
  acquire(client: PoolClient, fresh = false): void {
    const idle = this.#idle.pop();
    if (idle !== undefined) {
      if (!fresh) {
        client.connected(idle);
        return;
      }
      // One was closed as it was reused: those that wait beside it are as old, and the place may be needed.
      idle.close();
    }
    if (this.#queue.length - this.#dialing.size >= this.#options.waiting) {
      client.refused(new Failure("pool_full"));
      return;
    }
    if (this.#queue.length === 0) watch(this);
    this.#queue.push({ client, since: 0 });
    this.#grow();
  }

  /** Open connections. */
  get size(): number {
    return this.#all.size + this.#dialing.size;
  }

  get idle(): number {
    return this.#idle.length;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** One who waits does not need a connection any more. */
  forget(client: PoolClient): void {
    const at = this.#queue.findIndex((waiting) => waiting.client === client);
    if (at !== -1) this.#queue.splice(at, 1);
    if (this.#queue.length === 0) unwatch(this);
  }

  /** Opens as many connections as there are requests waiting, within the cap. */
  #grow(): void {
    const { target, mode, max, mayOpen } = this.#options;
    while (
      !this.#closed &&
      this.#dialing.size < this.#queue.length &&
      this.size < max &&
      mayOpen?.() !== false
    )
      this.#dialing.add(new Dialing(this, target, mode));
  }

  dialed(dialing: Dialing): void {
    const { timeouts, limits, keepAlive } = this.#options;
    this.#dialing.delete(dialing);
    const connection = new ClientConnection(this, dialing.transport, timeouts, limits, keepAlive);
    this.#all.add(connection);
    this.freed(connection);
  }

  undialed(dialing: Dialing, failure: Failure): void {
    this.#dialing.delete(dialing);
    // It was opened for somebody: the one who waits longest hears of it and may try elsewhere.
    const waiting = this.#queue.shift();
    if (this.#queue.length === 0) unwatch(this);
    waiting?.client.refused(failure);
    this.#grow();
  }

  freed(connection: ClientConnection): void {
    const waiting = this.#queue.length === 0 ? undefined : this.#queue.shift();
    if (waiting !== undefined) {
      if (this.#queue.length === 0) unwatch(this);
      waiting.client.connected(connection);
    } else if (this.#closed) connection.close();
    else this.#idle.push(connection);
  }

  gone(connection: ClientConnection): void {
    this.#all.delete(connection);
    const at = this.#idle.lastIndexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
    this.#grow();
  }

  sweep(now: number): void {
    for (;;) {
      const first = this.#queue[0];
      if (first === undefined) break;
      for (const waiting of this.#queue) if (waiting.since === 0) waiting.since = now;
      if (now - first.since < this.#options.waitTimeout) break;
      this.#queue.shift();
      first.client.refused(new Failure("pool_timeout"));
    }
    if (this.#queue.length === 0) unwatch(this);
  }

  /** Closes what is idle, and the rest when it is done. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) connection.close();
  }
}
