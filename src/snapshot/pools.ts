import type { ServiceConfig } from "../config/schema.ts";
import { Pool } from "../http/pool.ts";
import type { ReadMode } from "../http/transport.ts";
import { DEFAULT_LIMITS } from "../lib/limits.ts";

/** The pools of this thread, by endpoint and everything that a connection's making depends on; they outlive snapshots. */
export class Pools {
  readonly #byKey = new Map<string, Pool>();
  readonly #mode: ReadMode;

  constructor(mode: ReadMode) {
    this.#mode = mode;
  }

  get(endpoint: ServiceConfig["endpoints"][number], config: ServiceConfig): Pool {
    const { host, port, socket } = endpoint;
    const { timeouts, connections } = config;
    const key = JSON.stringify([host, port, socket, timeouts, connections]);
    const pool =
      this.#byKey.get(key) ??
      new Pool({
        address: socket === undefined ? { host, port } : { path: socket },
        timeouts,
        limits: DEFAULT_LIMITS,
        max: connections.max,
        waiting: connections.waiting,
        waitTimeout: connections.waitTimeout,
        keepAlive: connections.keepAlive,
        mode: this.#mode,
      });
    this.#byKey.set(key, pool);
    return pool;
  }

  /** Closes the pools that no snapshot uses any more; what is in flight on them is answered first. */
  keepOnly(inUse: ReadonlySet<Pool>): void {
    for (const [key, pool] of this.#byKey) {
      if (inUse.has(pool)) continue;
      pool.close();
      this.#byKey.delete(key);
    }
  }

  /** Open connections to services. */
  get connections(): number {
    let sum = 0;
    for (const pool of this.#byKey.values()) sum += pool.size;
    return sum;
  }

  close(): void {
    for (const pool of this.#byKey.values()) pool.close();
  }
}
