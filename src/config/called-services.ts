import type { PolicyConfig } from "./route-schema.ts";
import type { Config } from "./schema.ts";
import { isMap } from "./written.ts";

/** Names of services that policies ask: what stands in options called `service`, at any depth. */
export function calledServices({ policies, routes, services }: Config): ReadonlySet<string> {
  const found = new Set<string>();
  const all: (readonly PolicyConfig[])[] = [policies];
  for (const { policies: own, split } of routes) all.push(own, ...split.map((one) => one.policies));
  for (const { policies: own } of Object.values(services)) all.push(own);
  for (const list of all) for (const entry of list) collect(entry, found);
  return found;
}

function collect(value: unknown, found: Set<string>): void {
  if (Array.isArray(value)) for (const one of value) collect(one, found);
  else if (isMap(value))
    for (const [key, inner] of Object.entries(value))
      if (key === "service" && typeof inner === "string") found.add(inner);
      else collect(inner, found);
}
