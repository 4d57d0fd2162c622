import type { Config } from "../config/schema.ts";
import type { PolicyDefinition } from "../pipeline/policy.ts";
import { SHIPPED } from "../policies/index.ts";
import type { PolicyCatalog } from "./compile-policies.ts";

/** Loads the policies that a config names, and no others: shipped ones by their names; `extra` goes first. */
export async function loadCatalog(
  config: Config,
  extra: ReadonlyMap<string, PolicyDefinition> = new Map(),
): Promise<PolicyCatalog> {
  const catalog = new Map(extra);
  for (const name of namesIn(config)) {
    const load = SHIPPED[name];
    if (!catalog.has(name) && load !== undefined) catalog.set(name, await load());
  }
  return catalog;
}

/** Names of all policies that stand in a config. */
export function namesIn({ policies, routes, services }: Config): Set<string> {
  const names = new Set<string>();
  const add = (entries: readonly object[]): void => {
    for (const entry of entries) for (const name of Object.keys(entry)) names.add(name);
  };
  add(policies);
  for (const route of routes) {
    add(route.policies);
    for (const split of route.split) add(split.policies);
  }
  for (const service of Object.values(services)) add(service.policies);
  return names;
}
