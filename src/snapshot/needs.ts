import { originOf } from "../config/expand.ts";
import type { Origin } from "../config/problem.ts";
import type { Config } from "../config/schema.ts";
import type { Consumers } from "../pipeline/consumer.ts";
import type { CompiledPolicy, PolicyEntry, PolicyNeed } from "./compile-policies.ts";

/** A need of a policy that its config does not meet, and where the policy stands. */
export interface Unmet {
  readonly origin: Origin;
  readonly reason: string;
  readonly cure: string;
}

/** What policies need of a config and do not find there. */
export function unmetNeeds(
  policies: Iterable<CompiledPolicy>,
  config: Config,
  consumers: Consumers,
  file: string,
): Unmet[] {
  const found: Unmet[] = [];
  for (const { needs, entry } of policies)
    for (const need of needs) {
      if (isMet(need, config, consumers)) continue;
      const { kind, name } = need;
      const reason = `there is no ${kind} ${JSON.stringify(name)}`;
      found.push({
        origin: placeOfEntry(entry, config, file),
        reason,
        cure: `add it to ${kind}s, or name another`,
      });
    }
  return found;
}

function isMet({ kind, name }: PolicyNeed, config: Config, consumers: Consumers): boolean {
  if (kind === "consumer") return consumers.named(name) !== undefined;
  return Object.hasOwn(kind === "service" ? config.services : config.stores, name);
}

/** Where an entry is written; searched only once there is a problem. */
function placeOfEntry(entry: PolicyEntry, { policies, routes, services }: Config, file: string): Origin {
  const known = originOf(entry);
  if (known !== undefined) return known;
  const at = (list: readonly PolicyEntry[], origin: Origin): Origin | undefined => {
    const i = list.indexOf(entry);
    return i === -1 ? undefined : { file: origin.file, path: [...origin.path, "policies", i] };
  };
  const shared = at(policies, { file, path: [] });
  if (shared !== undefined) return shared;
  for (const { origin, policies: own, split } of routes) {
    const found =
      at(own, origin) ??
      split
        .map((one, i) => at(one.policies, { ...origin, path: [...origin.path, "split", i] }))
        .find(Boolean);
    if (found !== undefined) return found;
  }
  for (const [name, service] of Object.entries(services)) {
    const found = at(service.policies, service.origin ?? { file, path: ["services", name] });
    if (found !== undefined) return found;
  }
  return { file, path: [] };
}
