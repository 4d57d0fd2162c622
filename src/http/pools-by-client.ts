import { Failure } from "../errors/failure.ts";
import type { EndpointPool, PoolClient, SharedPlaces } from "./client-contract.ts";
import type { ProxySource } from "./proxy-header.ts";
import { type Swept, unwatch, watch } from "./sweeper.ts";

const NOBODY: ProxySource = { address: "", port: 0 };

/**
 * Connections to one endpoint that begin with the name of a client (PROXY protocol): a request goes only on one that was
 * made for its own client.
 */
export class PoolsByClient implements EndpointPool, Swept {
  readonly #max: number;
  readonly #make: (source: ProxySource, places: SharedPlaces) => EndpointPool;
  readonly #byClient = new Map<string, EndpointPool>();
  readonly #places: SharedPlaces = { mayOpen: () => this.#hasRoom(), left: () => this.#wake() };
  #waking = false;
  #closed = false;

  /**
   * @param max open connections, of all clients together
   * @param make a pool whose connections name a client, and which shares the places of all
   */
  constructor(max: number, make: (source: ProxySource, places: SharedPlaces) => EndpointPool) {
    this.#max = max;
    this.#make = make;
  }

  acquire(client: PoolClient, fresh = false): void {
    const source = client.source ?? NOBODY;
    const key = keyOf(source);
    if ((this.#byClient.get(key)?.size ?? 0) === 0 && !this.#hasRoom())
      client.refused(new Failure("pool_full"));
    else (this.#byClient.get(key) ?? this.#begin(key, source)).acquire(client, fresh);
  }

  #begin(key: string, source: ProxySource): EndpointPool {
    const pool = this.#make(source, this.#places);
    if (this.#closed) pool.close();
    if (this.#byClient.size === 0) watch(this);
    this.#byClient.set(key, pool);
    return pool;
  }

  /** Whether one more connection may be opened; those of clients that have nothing under way go for it. */
  #hasRoom(): boolean {
    let { size } = this;
    for (const [key, pool] of this.#byClient) {
      if (size < this.#max) return true;
      if (pool.size !== pool.idle || pool.waiting > 0) continue;
      size -= pool.size;
      this.#byClient.delete(key);
      pool.close();
    }
    return size < this.#max;
  }

  /** Who waits for a place may have one now; not from within what frees it, which is not done yet. */
  #wake(): void {
    if (this.#waking) return;
    this.#waking = true;
    queueMicrotask(() => {
      this.#waking = false;
      this.wake();
    });
  }

  wake(): void {
    for (const pool of this.#byClient.values()) if (pool.waiting > 0) pool.wake();
  }

  forget(client: PoolClient): void {
    this.#byClient.get(keyOf(client.source ?? NOBODY))?.forget(client);
  }

  get size(): number {
    return this.#sum(({ size }) => size);
  }

  get idle(): number {
    return this.#sum(({ idle }) => idle);
  }

  get waiting(): number {
    return this.#sum(({ waiting }) => waiting);
  }

  #sum(of: (pool: EndpointPool) => number): number {
    let sum = 0;
    for (const pool of this.#byClient.values()) sum += of(pool);
    return sum;
  }

  /** Forgets clients that have no connection any more. */
  sweep(): void {
    for (const [key, pool] of this.#byClient)
      if (pool.size === 0 && pool.waiting === 0) {
        this.#byClient.delete(key);
        pool.close();
      }
    if (this.#byClient.size === 0) unwatch(this);
  }

  close(): void {
    this.#closed = true;
    for (const pool of this.#byClient.values()) pool.close();
  }
}

function keyOf({ address, port }: ProxySource): string {
  return `${address} ${port}`;
}
