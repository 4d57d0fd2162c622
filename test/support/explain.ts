import { checkConfig, parseConfig } from "../../src/config/load.ts";
import type { PolicyDefinition } from "../../src/pipeline/policy.ts";
import { loadCatalog } from "../../src/snapshot/catalog.ts";
import { type CompiledSnapshot, compileSnapshot } from "../../src/snapshot/compile.ts";
import { explainRequest } from "../../src/snapshot/explain.ts";
import type { RequestToExplain } from "../../src/snapshot/explain-head.ts";
import type { Explanation } from "../../src/snapshot/explanation.ts";
import { Pools } from "../../src/snapshot/pools.ts";
import { RouteStates } from "../../src/snapshot/route-states.ts";
import { SlotNumbers } from "../../src/snapshot/slot-numbers.ts";

/** A snapshot that serves nobody, from YAML or from data, with policies beside the shipped ones. */
export async function snapshotOf(
  config: string | object,
  policies: readonly PolicyDefinition[] = [],
): Promise<CompiledSnapshot> {
  const checked = typeof config === "string" ? parseConfig(config, "torana.yaml") : checkConfig(config);
  const extra = new Map(policies.map((policy) => [policy.name, policy]));
  return compileSnapshot(checked, {
    pools: new Pools("data"),
    states: new RouteStates(),
    slots: new SlotNumbers(),
    meter: { record: () => undefined },
    sink: { failure: () => undefined },
    catalog: await loadCatalog(checked, extra),
  });
}

/** Explains a GET, unless it is said to be another. */
export function explained(
  snapshot: CompiledSnapshot,
  url: string,
  more: Partial<RequestToExplain> = {},
): Promise<Explanation> {
  return explainRequest(snapshot, { method: "GET", url, fields: [], ...more });
}
