import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { withInnerPolicies } from "./inner-policies.ts";
import type { PolicyConfig } from "./route-schema.ts";

/** Whether the key of a policy is the path of a user's own file: it begins with ./ or ../ or / and ends in .ts or .js. */
export function isPolicyFile(key: string): boolean {
  return /^(?:\.{0,2}\/)/.test(key) && /\.m?[tj]s$/.test(key);
}

/** What may hold policies: a config as written, a route, a share of a route. */
interface Holder {
  readonly policies?: readonly PolicyConfig[];
  readonly services?: Readonly<Record<string, Holder>>;
  readonly routes?: readonly Holder[] | undefined;
  readonly split?: readonly Holder[];
}

/**
 * Makes the paths of policy files absolute, in all of a document: the same relative path means another file in an included
 * document of another folder, and what a route inherits is still meant from where it was written.
 */
export function withPolicyPaths<T extends Holder>(holder: T, file: string): T {
  const all = <H extends Holder>(holders: readonly H[]) => holders.map((one) => withPolicyPaths(one, file));
  return {
    ...holder,
    ...(holder.policies && { policies: holder.policies.map((entry) => absolute(entry, dirname(file))) }),
    ...(holder.routes && { routes: all(holder.routes) }),
    ...(holder.split && { split: all(holder.split) }),
    ...(holder.services && {
      services: Object.fromEntries(
        Object.entries(holder.services).map(([name, service]) => [name, withPolicyPaths(service, file)]),
      ),
    }),
  };
}

function absolute(entry: PolicyConfig, folder: string): PolicyConfig {
  const made = withInnerPolicies(entry, (inner) => absolute(inner, folder));
  if (!Object.keys(made).some(isPolicyFile)) return made;
  return Object.fromEntries(
    Object.entries(made).map(([key, value]) => [isPolicyFile(key) ? resolve(folder, key) : key, value]),
  );
}

/** The key of a policy as it would be written in a file: the way back from `withPolicyPaths`. */
export function writtenPolicyKey(key: string, file: string): string {
  if (!isAbsolute(key) || !isPolicyFile(key)) return key;
  const path = relative(resolve(dirname(file)), key)
    .split(sep)
    .join("/");
  return path.startsWith("../") ? path : `./${path}`;
}
