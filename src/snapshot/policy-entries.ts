import { innerPolicies } from "../config/inner-policies.ts";
import type { Origin } from "../config/problem.ts";
import type { Config } from "../config/schema.ts";
import type { PolicyEntry } from "./compile-policies.ts";

/** Is called with each policy of a config; `place` tells where it stands. */
type Visit = (entry: PolicyEntry, place: () => Origin) => void;

/** Visits every policy of a config; behind each what it has inside. */
export function eachPolicy(
  { policies, routes, services }: Pick<Config, "policies" | "routes" | "services">,
  file: string,
  visit: Visit,
): void {
  inList(policies, () => ({ file, path: [] }), visit);
  for (const { origin, policies: own, split } of routes) {
    inList(own, () => origin, visit);
    for (const [i, share] of split.entries())
      if (share.policies.length > 0)
        inList(share.policies, () => ({ file: origin.file, path: [...origin.path, "split", i] }), visit);
  }
  for (const [name, service] of Object.entries(services))
    inList(service.policies, () => ({ file, path: ["services", name] }), visit);
}

function inList(entries: readonly PolicyEntry[], holder: () => Origin, visit: Visit): void {
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i]!;
    const place = (): Origin => {
      const { file, path } = holder();
      return { file, path: [...path, "policies", i] };
    };
    visit(entry, place);
    for (const inner of innerPolicies(entry))
      visit(inner.entry, () => ({ file: place().file, path: [...place().path, ...inner.path] }));
  }
}
