import type { EndpointPool } from "../http/client-contract.ts";
import type { ProxyVersion } from "../http/compose-proxy-header.ts";
import type { DialTarget } from "../http/dialing.ts";
import type { Balancer } from "./balancers/balancer.ts";

/** One address of a service. */
export interface Endpoint {
  /** As written in the config: `http://127.0.0.1:9001`. */
  readonly url: string;
  /** Host and port for a request that names no host. */
  readonly authority: string;
  readonly pool: EndpointPool;
  /** How connections that carry no HTTP are made. */
  readonly target: DialTarget;
}

/** The named thing behind routes: compiled, frozen. */
export interface Service {
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  readonly balancer: Balancer;
  /** Requests that are sent again when a reused connection closes under them, before a byte of the answer. */
  readonly resend: "any" | "idempotent";
  /** Connections begin with a PROXY protocol header of this version that names the client. */
  readonly proxyProtocol: ProxyVersion | undefined;
}
