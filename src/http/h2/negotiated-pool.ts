import { Failure } from "../../errors/failure.ts";
import type { EndpointPool, PoolClient, SharedPlaces } from "../client-contract.ts";
import { Dialing, type DialingOwner, type DialTarget } from "../dialing.ts";
import type { Pool } from "../pool.ts";
import type { ReadMode } from "../transport.ts";
import type { Http2Pool } from "./pool.ts";

/** Requests that wait while the protocol is asked for. */
const WAITING_MAX = 1_024;

/**
 * Connections to an endpoint that chooses its protocol (ALPN): the first connection asks, and its answer holds for as long
 * as any is open. WebSockets go over HTTP/1.1, which every such service speaks.
 */
export class NegotiatedPool implements EndpointPool, DialingOwner {
  readonly #target: DialTarget;
  readonly #mode: ReadMode;
  readonly #makeHttp1: () => Pool;
  readonly #makeHttp2: () => Http2Pool;
  readonly #places: SharedPlaces | undefined;
  #http1: Pool | undefined = undefined;
  #http2: Http2Pool | undefined = undefined;
  #chosen: EndpointPool | undefined = undefined;
  #asking: Dialing | undefined = undefined;
  #queue: PoolClient[] = [];
  #closed = false;

  /**
   * @param target offers both protocols; the pools offer their own only
   * @param places those of several pools, where they share them
   */
  constructor(
    target: DialTarget,
    mode: ReadMode,
    http1: () => Pool,
    http2: () => Http2Pool,
    places?: SharedPlaces,
  ) {
    this.#target = target;
    this.#mode = mode;
    this.#makeHttp1 = http1;
    this.#makeHttp2 = http2;
    this.#places = places;
  }

  acquire(client: PoolClient, fresh = false): void {
    if (client.upgrades === true) this.#speaksHttp1().acquire(client, fresh);
    else if (this.#asking === undefined && this.#chosen !== undefined && this.#chosen.size > 0)
      this.#chosen.acquire(client, fresh);
    else if (this.#queue.length >= WAITING_MAX) client.refused(new Failure("pool_full"));
    else {
      this.#queue.push(client);
      this.#asking ??= new Dialing(this, this.#target, this.#mode);
    }
  }

  dialed(dialing: Dialing): void {
    this.#asking = undefined;
    const pool = dialing.alpn === "h2" ? this.#speaksHttp2() : this.#speaksHttp1();
    this.#chosen = pool;
    pool.dialed(dialing);
    for (const client of this.#queue.splice(0)) pool.acquire(client);
    if (this.#closed) pool.close();
  }

  undialed(_dialing: Dialing, failure: Failure): void {
    this.#asking = undefined;
    for (const client of this.#queue.splice(0)) client.refused(failure);
    this.#places?.left();
  }

  #speaksHttp1(): Pool {
    this.#http1 ??= this.#makeHttp1();
    return this.#http1;
  }

  #speaksHttp2(): Http2Pool {
    this.#http2 ??= this.#makeHttp2();
    return this.#http2;
  }

  wake(): void {
    this.#http1?.wake();
    this.#http2?.wake();
  }

  forget(client: PoolClient): void {
    const at = this.#queue.indexOf(client);
    if (at !== -1) this.#queue.splice(at, 1);
    this.#http1?.forget(client);
    this.#http2?.forget(client);
  }

  get size(): number {
    return (this.#http1?.size ?? 0) + (this.#http2?.size ?? 0) + (this.#asking === undefined ? 0 : 1);
  }

  get idle(): number {
    return (this.#http1?.idle ?? 0) + (this.#http2?.idle ?? 0);
  }

  get waiting(): number {
    return this.#queue.length + (this.#http1?.waiting ?? 0) + (this.#http2?.waiting ?? 0);
  }

  close(): void {
    this.#closed = true;
    this.#http1?.close();
    this.#http2?.close();
  }
}
