import { isIPv4 } from "node:net";
import { networkSet } from "../lib/ip.ts";
import type { MatchConfig, ValueCondition } from "./route-schema.ts";
import type { PathCondition } from "./values.ts";

/** Why conditions cannot stand below others: which of them, what is wrong, what to write. */
export interface Conflict {
  readonly key: keyof MatchConfig;
  readonly reason: string;
  readonly cure: string;
}

/** Conditions of a route below another one: both hold. Conflicts where it would take what the one above does not. */
export function combine(
  above: readonly MatchConfig[],
  below: readonly MatchConfig[],
): { matches: MatchConfig[]; conflicts: (Conflict & { readonly index: number })[] } {
  const matches: MatchConfig[] = [];
  const conflicts: (Conflict & { readonly index: number })[] = [];
  for (const [index, child] of below.entries()) {
    const pairs = above.map((parent) => combineTwo(parent, child));
    const good = pairs.flatMap((pair) => (Array.isArray(pair) ? [] : [pair]));
    matches.push(...good);
    const lost = child.host.find(
      (host) => good.length > 0 && !good.some((match) => match.host.includes(host)),
    );
    const first = good.length > 0 ? [] : (pairs.find((pair) => Array.isArray(pair)) ?? []);
    for (const conflict of first as Conflict[]) conflicts.push({ ...conflict, index });
    if (lost !== undefined)
      conflicts.push({
        ...hostConflict(
          lost,
          above.flatMap(({ host }) => host),
        ),
        index,
      });
  }
  return { matches, conflicts };
}

function combineTwo(parent: MatchConfig, child: MatchConfig): MatchConfig | Conflict[] {
  const conflicts: Conflict[] = [];
  const within = <T>(
    key: keyof MatchConfig,
    outer: readonly T[],
    inner: readonly T[],
    fits: (a: T, b: T) => boolean,
  ): readonly T[] => {
    if (outer.length === 0) return inner;
    if (inner.length === 0) return outer;
    const lost = inner.find((one) => !outer.some((other) => fits(other, one)));
    if (lost !== undefined) conflicts.push(outside(key, String(lost), outer.map(String)));
    return inner;
  };
  const inside =
    parent.host.length === 0
      ? child.host
      : child.host.filter((host) => parent.host.some((one) => coversHost(one, host)));
  if (child.host.length > 0 && inside.length === 0) conflicts.push(hostConflict(child.host[0]!, parent.host));
  const both = (key: "headers" | "query" | "cookies"): Readonly<Record<string, ValueCondition>> => {
    for (const [name, condition] of Object.entries(child[key])) {
      const outer = Object.hasOwn(parent[key], name) ? parent[key][name] : undefined;
      if (outer !== undefined && JSON.stringify(outer) !== JSON.stringify(condition))
        conflicts.push({
          key,
          reason: `has another condition for ${name} than the route above`,
          cure: "leave it to the route above, or move both down",
        });
    }
    return { ...parent[key], ...child[key] };
  };
  const match: MatchConfig = {
    host: child.host.length > 0 ? inside : parent.host,
    path: joinPaths(parent.path, child.path, conflicts),
    method: within("method", parent.method, child.method, (a, b) => a === b),
    headers: both("headers"),
    query: both("query"),
    cookies: both("cookies"),
    from: within("from", parent.from, child.from, coversNetwork),
    when: joinExpressions(parent.when, child.when, conflicts),
  };
  return conflicts.length > 0 ? conflicts : match;
}

/** Both expressions must be true; neither may close the parenthesis that holds it. */
function joinExpressions(
  outer: string | undefined,
  inner: string | undefined,
  conflicts: Conflict[],
): string | undefined {
  if (outer === undefined || inner === undefined) return outer ?? inner;
  if (!isClosed(outer) || !isClosed(inner))
    conflicts.push({
      key: "when",
      reason: "cannot be joined with the expression of the route above",
      cure: "write both with paired brackets, without comments, backslashes and tripled quotes",
    });
  return `(${outer}) && (${inner})`;
}

/** Whether brackets outside of plain quotes pair; what makes quotes hard to tell apart is refused. */
function isClosed(expression: string): boolean {
  if (/\\|\/\/|"""|'''|[rR]["']/.test(expression)) return false;
  const open: string[] = [];
  const bare = expression.replace(/"[^"\n]*"|'[^'\n]*'/g, " ");
  if (/["']/.test(bare)) return false;
  for (const sign of bare.match(/[()[\]{}]/g) ?? []) {
    if ("([{".includes(sign)) open.push(sign);
    else if (open.pop() !== { ")": "(", "]": "[", "}": "{" }[sign]) return false;
  }
  return open.length === 0;
}

function outside(key: keyof MatchConfig, lost: string, outer: readonly string[]): Conflict {
  return {
    key,
    reason: `${JSON.stringify(lost)} is not within what the route above takes`,
    cure: `write only what lies within ${outer.join(", ")}`,
  };
}

function hostConflict(lost: string, outer: readonly string[]): Conflict {
  return outside("host", lost, outer);
}

function coversHost(outer: string, inner: string): boolean {
  return (
    outer === inner || (outer.startsWith("*.") && inner.endsWith(outer.slice(1)) && inner !== outer.slice(2))
  );
}

function coversNetwork(outer: string, inner: string): boolean {
  const [address = "", bits] = inner.split("/");
  const width = (network: string, written: string | undefined): number =>
    Number(written ?? (isIPv4(network) ? 32 : 128));
  const [outerAddress = "", outerBits] = outer.split("/");
  return networkSet([outer])(address) && width(address, bits) >= width(outerAddress, outerBits);
}

function joinPaths(
  outer: readonly PathCondition[],
  inner: readonly PathCondition[],
  conflicts: Conflict[],
): readonly PathCondition[] {
  if (outer.length === 0) return inner;
  if (inner.length === 0) return outer;
  return outer.flatMap((prefix) =>
    inner.flatMap((path) => {
      if (typeof prefix !== "string" || !prefix.endsWith("/*")) {
        conflicts.push({
          key: "path",
          reason: `cannot follow ${JSON.stringify(typeof prefix === "string" ? prefix : prefix.regex)}, which is not a prefix`,
          cure: "end the path of the route above with /*",
        });
        return [];
      }
      const joined = joinTwo(prefix.slice(0, -2), path);
      const names = typeof joined === "string" ? parametersOf(joined) : [];
      const twice = names.find((name, i) => names.indexOf(name) !== i);
      if (twice === undefined) return [joined];
      conflicts.push({
        key: "path",
        reason: `the parameter {${twice}} stands in the route above too`,
        cure: "give it another name",
      });
      return [];
    }),
  );
}

function joinTwo(prefix: string, path: PathCondition): PathCondition {
  if (typeof path === "string") return prefix + path;
  const before = prefix
    .split(/(\{[A-Za-z_][A-Za-z0-9_]*\})/)
    .map((part) => (part.startsWith("{") ? `(?<${part.slice(1, -1)}>[^/]+)` : escaped(part)));
  return { regex: `${before.join("")}(?:${path.regex})` };
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

/** Names of the parameters of a path, or of the groups of an expression. */
export function parametersOf(path: PathCondition): string[] {
  const pattern = typeof path === "string" ? /\{([A-Za-z_][A-Za-z0-9_]*)\}/g : /\(\?<([A-Za-z_]\w*)>/g;
  return [...(typeof path === "string" ? path : path.regex).matchAll(pattern)].map(([, name]) => name!);
}
