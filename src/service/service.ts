import type { Pool } from "../http/pool.ts";
import type { Balancer } from "./balancers/balancer.ts";

/** One address of a service. */
export interface Endpoint {
  /** As written in the config: `http://127.0.0.1:9001`. */
  readonly url: string;
  /** Host and port for a request that names no host. */
  readonly authority: string;
  readonly pool: Pool;
}

/** The named thing behind routes: compiled, frozen. */
export interface Service {
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  readonly balancer: Balancer;
  /** Requests that are sent again when a reused connection closes under them, before a byte of the answer. */
  readonly resend: "any" | "idempotent";
}
