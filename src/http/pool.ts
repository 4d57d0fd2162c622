import { Failure } from "../errors/failure.ts";
import type { HeadLimits } from "../lib/limits.ts";
import { ClientConnection } from "./client-connection.ts";
import type {
  ClientOwner,
  ClientTimeouts,
  EndpointPool,
  PoolClient,
  SharedPlaces,
} from "./client-contract.ts";
import { Dialing, type DialingOwner, type DialTarget } from "./dialing.ts";
import type { ReadMode } from "./transport.ts";
import { WaitingClients } from "./waiting-clients.ts";

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
  /** The places of several pools, where they share them; left out: only `max` counts. */
  readonly places?: SharedPlaces | undefined;
}

/**
 * The connections to one endpoint. The one used last is used first, so that the others can grow old and go; whoever finds
 * none free waits in order.
 */
export class Pool implements EndpointPool, ClientOwner, DialingOwner {
  readonly #options: PoolOptions;
  readonly #idle: ClientConnection[] = [];
  readonly #all = new Set<ClientConnection>();
  readonly #queue: WaitingClients;
  readonly #dialing = new Set<Dialing>();
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#queue = new WaitingClients(options.waitTimeout);
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
    if (this.#queue.size - this.#dialing.size >= this.#options.waiting) {
      client.refused(new Failure("pool_full"));
      return;
    }
    this.#queue.add(client);
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
    return this.#queue.size;
  }

  forget(client: PoolClient): void {
    this.#queue.forget(client);
  }

  /** Opens as many connections as there are requests waiting, within the cap. */
  #grow(): void {
    const { target, mode, max, places } = this.#options;
    while (
      !this.#closed &&
      this.#dialing.size < this.#queue.size &&
      this.size < max &&
      places?.mayOpen() !== false
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
    this.#queue.refuse(1, failure);
    this.#grow();
    this.#options.places?.left();
  }

  wake(): void {
    this.#grow();
  }

  freed(connection: ClientConnection): void {
    const client = this.#queue.next();
    if (client !== undefined) client.connected(connection);
    else if (this.#closed) connection.close();
    else {
      this.#idle.push(connection);
      this.#options.places?.left();
    }
  }

  gone(connection: ClientConnection): void {
    this.#all.delete(connection);
    const at = this.#idle.lastIndexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
    this.#grow();
    this.#options.places?.left();
  }

  /** Closes what is idle, and the rest when it is done. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) connection.close();
  }
}
