import type { Exchange } from "../../pipeline/exchange.ts";
import type { Endpoint } from "../service.ts";

/** Chooses among a service's endpoints. */
export interface Balancer {
  /** The endpoint of the next try, none of those in `tried`; undefined when no other is left. `x`: undefined for a connection that carries no HTTP. */
  pick(
    x: Exchange | undefined,
    endpoints: readonly Endpoint[],
    tried: readonly Endpoint[],
  ): Endpoint | undefined;
}
