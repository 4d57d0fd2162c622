import { z } from "zod";
import type { Permission } from "../pipeline/consumer.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";
import { type CompiledPath, compilePath, matchesPath } from "../routing/path-pattern.ts";

interface CompiledPermission {
  readonly methods: readonly string[];
  readonly paths: readonly CompiledPath[];
}

/** Compiled once for each list, which consumers keep. */
const compiled = new WeakMap<readonly Permission[], readonly CompiledPermission[]>();

/** Lets consumers ask for what their permissions name: methods and paths. */
export const permissions: PolicyDefinition = definePolicy({
  name: "permissions",
  phase: "authorize",
  options: z.strictObject({
    unlisted: z
      .enum(["deny", "allow"])
      .default("deny")
      .describe(
        "Consumers that have no list of permissions may ask for nothing (deny, default) or for all (allow).",
      ),
  }),
  reasons: {
    permission_missing: { status: 403, source: "downstream", title: "The caller may not ask for this." },
  },
  compile:
    ({ unlisted }) =>
    (x) => {
      const { consumer } = x;
      if (consumer === undefined) return x.reject("permission_missing");
      const { permissions: list } = consumer;
      if (list === undefined) return unlisted === "allow" ? undefined : x.reject("permission_missing");
      const { method, path } = x.request;
      const may = permissionsOf(list).some(
        ({ methods, paths }) =>
          (methods.length === 0 || methods.includes(method)) &&
          (paths.length === 0 || paths.some((one) => matchesPath(one, path))),
      );
      return may ? undefined : x.reject("permission_missing");
    },
});

function permissionsOf(list: readonly Permission[]): readonly CompiledPermission[] {
  const before = compiled.get(list);
  if (before !== undefined) return before;
  const made = list.map(({ methods, paths }) => ({ methods, paths: paths.map((path) => compilePath(path)) }));
  compiled.set(list, made);
  return made;
}
