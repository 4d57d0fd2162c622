import { Failure } from "../../errors/failure.ts";
import type { EndpointPool, PoolClient, SharedPlaces } from "../client-contract.ts";
import { Dialing, type DialingOwner, type DialTarget } from "../dialing.ts";
import type { ReadMode } from "../transport.ts";
import { WaitingClients } from "../waiting-clients.ts";
import { Http2ClientConnection } from "./client-connection.ts";
import type { Http2ClientOptions, Http2ClientOwner } from "./client-contract.ts";

/** How many connections one endpoint gets, and who may wait for a stream of one. */
export interface Http2PoolOptions extends Http2ClientOptions {
  readonly target: DialTarget;
  /** Open connections at most. */
  readonly max: number;
  /** Requests that may wait for a stream. */
  readonly waiting: number;
  /** How long a request waits for one, in milliseconds. */
  readonly waitTimeout: number;
  readonly mode: ReadMode;
  /** The places of several pools, where they share them; left out: only `max` counts. */
  readonly places?: SharedPlaces | undefined;
}

/**
 * The HTTP/2 connections to one endpoint. The first that has room for a stream gets it; another is made when all are full,
 * and those that carry nothing grow old and go.
 */
export class Http2Pool implements EndpointPool, DialingOwner, Http2ClientOwner {
  readonly #options: Http2PoolOptions;
  /** Connections that take streams. */
  readonly #open: Http2ClientConnection[] = [];
  /** Those, those that only end what they began, and those whose settings have not come. */
  readonly #all = new Set<Http2ClientConnection>();
  readonly #dialing = new Set<Dialing>();
  readonly #queue: WaitingClients;
  /** Connections that may soon take streams: on their way, or without the service's settings. */
  #making = 0;
  /** How many streams a connection to this service takes, as far as is known. */
  #streamsEach: number;
  #closed = false;

  constructor(options: Http2PoolOptions) {
    this.#options = options;
    this.#streamsEach = options.streams;
    this.#queue = new WaitingClients(options.waitTimeout);
  }

  acquire(client: PoolClient, fresh = false): void {
    const connection = this.#queue.size === 0 ? this.#withRoom(fresh) : undefined;
    if (connection !== undefined) {
      client.connected(connection.take());
      return;
    }
    if (this.#queue.size - this.#making * this.#streamsEach >= this.#options.waiting) {
      client.refused(new Failure("pool_full"));
      return;
    }
    this.#queue.add(client);
    this.#grow();
  }

  /** A connection with room. Where another was lost as it was reused, those that are idle as well are as doubtful. */
  #withRoom(fresh: boolean): Http2ClientConnection | undefined {
    for (const connection of fresh ? [...this.#open] : this.#open) {
      if (fresh && connection.active === 0) connection.close();
      else if (connection.hasRoom) return connection;
    }
    return undefined;
  }

  get size(): number {
    return this.#all.size + this.#dialing.size;
  }

  get idle(): number {
    let idle = 0;
    for (const connection of this.#open) if (connection.active === 0) idle++;
    return idle;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  forget(client: PoolClient): void {
    this.#queue.forget(client);
  }

  /** Makes as many connections as those who wait need, within the cap. */
  #grow(): void {
    const { target, max, mode } = this.#options;
    while (!this.#closed && this.#queue.size > this.#making * this.#streamsEach && this.#mayMake(max)) {
      this.#making++;
      this.#dialing.add(new Dialing(this, target, mode));
    }
  }

  /** One that only ends what it began keeps no place from its successor, but they are not without number. */
  #mayMake(max: number): boolean {
    if (this.#open.length + this.#making >= max || this.size >= max * 2) return false;
    return this.#options.places?.mayOpen() !== false;
  }

  wake(): void {
    this.#grow();
  }

  dialed(dialing: Dialing): void {
    // One that others have made, since they did not know what the service would choose, is taken over.
    if (!this.#dialing.delete(dialing)) this.#making++;
    this.#all.add(new Http2ClientConnection(this, dialing.transport, this.#options));
  }

  undialed(dialing: Dialing, failure: Failure): void {
    this.#dialing.delete(dialing);
    this.#failed(failure);
  }

  /** A connection was not had: those that it was for hear of it and may try elsewhere. */
  #failed(failure: Failure): void {
    this.#making--;
    this.#queue.refuse(this.#streamsEach, failure);
    this.#grow();
    this.#options.places?.left();
  }

  // ---- what connections tell

  ready(connection: Http2ClientConnection, streams: number): void {
    this.#making--;
    this.#streamsEach = Math.max(1, streams);
    this.#open.push(connection);
    this.freed(connection);
  }

  freed(connection: Http2ClientConnection): void {
    while (this.#queue.size > 0 && connection.hasRoom) this.#queue.next()!.connected(connection.take());
    if (this.#closed && connection.active === 0) connection.close();
    else this.#grow();
    if (connection.active === 0) this.#options.places?.left();
  }

  retired(connection: Http2ClientConnection): void {
    const at = this.#open.indexOf(connection);
    if (at !== -1) this.#open.splice(at, 1);
    this.#grow();
  }

  gone(connection: Http2ClientConnection, unready: Failure | undefined): void {
    this.#all.delete(connection);
    const at = this.#open.indexOf(connection);
    if (at !== -1) this.#open.splice(at, 1);
    if (unready !== undefined) this.#failed(unready);
    else this.#grow();
    this.#options.places?.left();
  }

  close(): void {
    this.#closed = true;
    for (const connection of [...this.#open]) if (connection.active === 0) connection.close();
  }
}
