import type { ServiceConfig } from "../config/schema.ts";
import type { EndpointConfig } from "../config/values.ts";
import type { EndpointPool } from "../http/client-contract.ts";
import { composeProxyHeader } from "../http/compose-proxy-header.ts";
import type { PoolOptions } from "../http/pool.ts";
import { PoolsByClient } from "../http/pools-by-client.ts";
import type { ReadMode } from "../http/transport.ts";
import { DEFAULT_LIMITS } from "../lib/limits.ts";
import { connectionKey, dialTarget } from "./dial-target.ts";
import { protocolPool } from "./protocol-pool.ts";

/** What a connection speaks that carries one request at a time. */
const HTTP1: readonly string[] = ["http/1.1"];

/** The pools of this thread, by endpoint and everything that a connection's making depends on; they outlive snapshots. */
export class Pools {
  readonly #byKey = new Map<string, EndpointPool>();
  readonly #mode: ReadMode;

  constructor(mode: ReadMode) {
    this.#mode = mode;
  }

  get(endpoint: EndpointConfig, config: ServiceConfig): EndpointPool {
    const key = connectionKey(endpoint, config);
    const pool = this.#byKey.get(key) ?? this.#make(endpoint, config);
    this.#byKey.set(key, pool);
    return pool;
  }

  #make(endpoint: EndpointConfig, config: ServiceConfig): EndpointPool {
    const { timeouts, connections, proxyProtocol } = config;
    const options: PoolOptions = {
      target: dialTarget(endpoint, config, HTTP1),
      timeouts,
      limits: DEFAULT_LIMITS,
      max: connections.max,
      waiting: connections.waiting,
      waitTimeout: connections.waitTimeout,
      keepAlive: connections.keepAlive,
      mode: this.#mode,
    };
    if (proxyProtocol === undefined) return protocolPool(endpoint, config, options);
    const destination = { address: endpoint.host, port: endpoint.port };
    return new PoolsByClient(connections.max, (source, places) => {
      const preface = composeProxyHeader(proxyProtocol, source, destination);
      return protocolPool(endpoint, config, { ...options, places, target: { ...options.target, preface } });
    });
  }

  /** Closes the pools that no snapshot uses any more; what is in flight on them is answered first. */
  keepOnly(inUse: ReadonlySet<EndpointPool>): void {
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
