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
    const { host, port } = endpoint;
    const { timeouts, connections } = config;
    const key = JSON.stringify([host, port, timeouts, connections]);
    const pool =
      this.#byKey.get(key) ??
      new Pool({
        address: { host, port },
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

  close(): void {
    for (const pool of this.#byKey.values()) pool.close();
  }
}
