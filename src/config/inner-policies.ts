import type { PolicyConfig } from "./route-schema.ts";
import { isMap } from "./written.ts";

/** Policies that have others inside, in the list that their option `methods` is. */
const COMPOSITES: ReadonlySet<string> = new Set(["any-of", "all-of"]);

/** A policy that stands in another, and where below the other's entry. */
export interface InnerPolicy {
  readonly entry: PolicyConfig;
  readonly path: readonly PropertyKey[];
}

/** Policies that stand in an entry, those in them too. */
export function innerPolicies(entry: PolicyConfig): readonly InnerPolicy[] {
  let found: InnerPolicy[] | undefined;
  for (const name in entry) {
    if (!COMPOSITES.has(name)) continue;
    for (const [i, inner] of methodsOf(entry, name).entries()) {
      if (!isMap(inner)) continue;
      const path = [name, "methods", i];
      found ??= [];
      found.push({ entry: inner, path });
      for (const deeper of innerPolicies(inner))
        found.push({ entry: deeper.entry, path: [...path, ...deeper.path] });
    }
  }
  return found ?? NONE;
}

/** What nearly every policy has inside. */
const NONE: readonly InnerPolicy[] = [];

/** An entry whose inner policies are what `change` makes of them. */
export function withInnerPolicies(
  entry: PolicyConfig,
  change: (inner: PolicyConfig) => PolicyConfig,
): PolicyConfig {
  let changed: Record<string, unknown> | undefined;
  for (const name in entry) {
    if (!COMPOSITES.has(name)) continue;
    const methods = methodsOf(entry, name);
    const after = methods.map((inner) => (isMap(inner) ? change(inner) : inner));
    if (after.every((inner, i) => inner === methods[i])) continue;
    changed ??= { ...entry };
    changed[name] = { ...(entry[name] as object), methods: after };
  }
  return changed ?? entry;
}

function methodsOf(entry: PolicyConfig, name: string): readonly unknown[] {
  const options = entry[name];
  const methods = isMap(options) ? options["methods"] : undefined;
  return Array.isArray(methods) ? methods : [];
}
