import { checkConfig } from "../config/load.ts";
import type { PolicyDefinition } from "../pipeline/policy.ts";
import { loadCatalog } from "../snapshot/catalog.ts";
import { Gateway, type GatewayOptions } from "./gateway.ts";

/** Policies by name. Throws an Error where two have the same. */
function catalogOf(policies: readonly PolicyDefinition[]): Map<string, PolicyDefinition> {
  const catalog = new Map<string, PolicyDefinition>();
  for (const policy of policies) {
    if (catalog.has(policy.name)) throw new Error(`two policies are named ${policy.name}`);
    catalog.set(policy.name, policy);
  }
  return catalog;
}

/** Starts a gateway from a config as it would be written. Throws a ConfigError, or the system's error for an address. */
export async function startGateway(config: unknown, options: GatewayOptions = {}): Promise<Gateway> {
  const checked = checkConfig(config);
  const gateway = new Gateway(options);
  await gateway.start(checked, await loadCatalog(checked, catalogOf(options.policies ?? [])));
  return gateway;
}
