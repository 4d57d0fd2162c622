import type { Candidate } from "./candidate.ts";
import type { HostPaths } from "./router.ts";

/** Candidates that share one host and path and are told apart by further conditions. */
export interface Residual {
  /** As written; empty for every host. */
  readonly host: string;
  /** As written; `/*` where none was. */
  readonly path: string;
  /** Candidates with conditions on fields, query, cookies, client or an expression. */
  readonly conditions: number;
  /** How many of them have an expression: each costs every request with this host and path up to a microsecond. */
  readonly expressions: number;
}

/** Lists the hosts and paths that have such candidates, those with the most expressions first. */
export function findResiduals(hosts: Iterable<HostPaths>): Residual[] {
  const residuals: Residual[] = [];
  for (const { host, paths } of hosts)
    for (const { list } of paths.groups())
      for (const candidates of byExpression(list)) {
        const path = pathText(candidates[0]!);
        const conditions = candidates.filter((one) => one.conditions.conditions.length > 0).length;
        const expressions = candidates.filter(hasExpression).length;
        if (conditions > 0) residuals.push({ host, path, conditions, expressions });
      }
  return residuals.sort((a, b) => b.expressions - a.expressions || b.conditions - a.conditions);
}

/** A candidate's path as written. */
export function pathText({ path }: Candidate): string {
  return path?.text ?? "/*";
}

/** Paths with parameters are one whatever these are called; expressions stand together by length only. */
function byExpression(list: readonly Candidate[]): Iterable<Candidate[]> {
  return Map.groupBy(list, ({ path }) => path?.expression?.source).values();
}

function hasExpression({ entry, matchIndex }: Candidate): boolean {
  return entry.match[matchIndex]?.when !== undefined;
}
