import { ALWAYS } from "../config/always.ts";
import type { Locate } from "../config/problem.ts";
import type { MatchConfig, RouteConfig } from "../config/route-schema.ts";
import { hideIn, secretsOf } from "../config/secrets.ts";
import { Candidate, compareCandidates } from "../routing/candidate.ts";
import { compileMatch } from "../routing/compile-match.ts";
import type { CompiledPath } from "../routing/path-pattern.ts";
import type { CompiledSnapshot } from "./compile.ts";
import type { CompiledRoute } from "./compile-route.ts";
import { writtenAt } from "./explain.ts";
import { furtherTexts } from "./explain-conditions.ts";
import type { WrittenAt } from "./explanation.ts";

/** One way to a route: one host, one path, and what else is asked. */
export interface RouteRow {
  readonly route: string;
  readonly at: WrittenAt;
  /** Which of the route's entries of conditions, from 0. */
  readonly matchIndex: number;
  /** Empty for every host. */
  readonly host: string;
  /** Empty for every path. */
  readonly path: string;
  /** Empty for all. */
  readonly methods: readonly string[];
  /** Beyond host, path and method. */
  readonly conditions: readonly string[];
  /** Empty for all. */
  readonly listeners: readonly string[];
  /** Empty where a policy answers. */
  readonly services: readonly { readonly service: string; readonly weight: number }[];
  /** Names of its policies, in the order in which they are written: of every route, its own. */
  readonly policies: readonly string[];
}

interface Sortable {
  readonly row: RouteRow;
  readonly candidate: Candidate;
}

/** The routes of a snapshot in the order in which they are tried, a row for each host and path. Plain data, secrets masked. */
export function routeRows(snapshot: CompiledSnapshot, locate?: Locate): RouteRow[] {
  const rows = [...snapshot.routes].flatMap(([written, compiled]) =>
    rowsOf(written as RouteConfig, compiled, locate),
  );
  rows.sort(
    (a, b) =>
      compareHosts(a.row.host, b.row.host) ||
      comparePaths(a.candidate.path, b.candidate.path) ||
      compareCandidates(a.candidate, b.candidate),
  );
  return hideIn(
    rows.map(({ row }) => row),
    secretsOf(snapshot.config),
  ) as RouteRow[];
}

function rowsOf(
  { origin, split }: RouteConfig,
  { entry, shared, own }: CompiledRoute,
  locate: Locate | undefined,
): Sortable[] {
  const at = writtenAt(origin, locate);
  const about = {
    route: entry.route.name,
    at,
    listeners: entry.listeners,
    services: split.map(({ service, weight }) => ({ service, weight })),
    policies: [...shared, ...own].map(({ name }) => name),
  };
  const matches: readonly MatchConfig[] = entry.match.length === 0 ? [ALWAYS] : entry.match;
  return matches.flatMap((match, matchIndex) => {
    const compiled = compileMatch(match);
    const hosts = compiled.hosts.length === 0 ? [""] : compiled.hosts;
    const conditions = furtherTexts(match);
    return hosts.flatMap((host) =>
      compiled.paths.map((path) => ({
        row: { ...about, matchIndex, host, path: path?.text ?? "", methods: compiled.methods, conditions },
        candidate: new Candidate(entry, matchIndex, compiled, path),
      })),
    );
  });
}

/** The exact host before the longest wildcard before any host. */
function compareHosts(a: string, b: string): number {
  const rank = (host: string): number => (host === "" ? 2 : host.startsWith("*.") ? 1 : 0);
  const wild = rank(a) === 1 && rank(b) === 1 ? b.length - a.length : 0;
  return rank(a) - rank(b) || wild || compareTexts(a, b);
}

/** Exact, with parameters, expressions, prefixes; of two the one that says more. */
function comparePaths(a: CompiledPath | undefined, b: CompiledPath | undefined): number {
  const ranks = rankOf(a) - rankOf(b);
  if (ranks !== 0) return ranks;
  if (a?.expression !== undefined) return b!.text.length - a.text.length;
  return compareSegments(a?.segments ?? [], b?.segments ?? []);
}

function rankOf(path: CompiledPath | undefined): number {
  if (path === undefined) return 3;
  if (path.segments === undefined) return 2;
  if (path.open) return 3;
  return path.segments.includes(undefined) ? 1 : 0;
}

/** A literal before a parameter, the longer before what it begins with. */
function compareSegments(a: readonly (string | undefined)[], b: readonly (string | undefined)[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [one, other] = [a[i], b[i]];
    if (one === other) continue;
    if (one === undefined) return 1;
    return other === undefined ? -1 : compareTexts(one, other);
  }
  return b.length - a.length;
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
