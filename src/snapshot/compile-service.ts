import type { ServiceConfig } from "../config/schema.ts";
import { RoundRobin } from "../service/balancers/round-robin.ts";
import type { Service } from "../service/service.ts";
import type { CompiledPolicy } from "./compile-policies.ts";
import { plainTarget } from "./dial-target.ts";
import type { Pools } from "./pools.ts";

/** A service as compiled, and what it was made of. */
export interface CompiledService {
  readonly written: ServiceConfig;
  readonly service: Service;
  readonly policies: readonly CompiledPolicy[];
}

/** Compiles a service; one that is unchanged is taken over with its place in the round. */
export function compileService(
  name: string,
  written: ServiceConfig,
  policies: readonly CompiledPolicy[],
  pools: Pools,
  old: CompiledService | undefined,
): CompiledService {
  const same =
    old !== undefined &&
    old.written === written &&
    old.policies.length === policies.length &&
    old.policies.every((policy, i) => policy === policies[i]);
  if (same) return old;
  const endpoints = written.endpoints.map((endpoint) => ({
    url: endpoint.url,
    authority: endpoint.authority,
    target: plainTarget(endpoint, written),
    pool: pools.get(endpoint, written),
  }));
  const { resend, proxyProtocol } = written;
  const service = Object.freeze({ name, endpoints, balancer: new RoundRobin(), resend, proxyProtocol });
  return { written, service, policies };
}
