import type { RouteFacts } from "../pipeline/ports.ts";
import type { Match, Route } from "../pipeline/route.ts";
import { type Candidate, compareCandidates } from "./candidate.ts";
import { hostOf } from "./host.ts";
import { matchesPath } from "./path-pattern.ts";
import { RequestView } from "./request-view.ts";
import { pathText } from "./residuals.ts";
import type { HostPaths } from "./router.ts";

/** A route that came close, and what stood in the way. */
export interface NearRoute {
  readonly route: Route;
  /** Which of its entries of conditions. */
  readonly matchIndex: number;
  /** The host condition; undefined for every host. */
  readonly host: string | undefined;
  /** The path condition; undefined for every path. */
  readonly path: string | undefined;
  /** What failed: `header x-tenant is "b", not "acme"`. */
  readonly condition: string;
}

/** How a request's route was found. */
export interface RouteExplanation {
  readonly match: Match;
  /** Those that were asked before the match and refused, in this order; then those whose host or path alone was another. */
  readonly near: readonly NearRoute[];
}

/** Routes that are told of though their host or path is another. */
const OTHERS = 10;

/** Says what came close to a match. */
export function explainMatch(
  match: Match,
  refused: readonly Candidate[],
  hosts: Iterable<HostPaths>,
  facts: RouteFacts,
): RouteExplanation {
  const view = new RequestView();
  const asked = new Set<string>();
  const near: NearRoute[] = refused.map((candidate) => {
    asked.add(keyOf(candidate));
    const condition = candidate.failures(facts, view).join("; ");
    return nearRoute(candidate, hostText(candidate, facts), condition);
  });
  const others = [...otherwise(hosts, facts, view)].filter(
    ({ candidate }) => candidate.match !== match && !asked.has(keyOf(candidate)),
  );
  others.sort((a, b) => b.shared - a.shared || compareCandidates(a.candidate, b.candidate));
  const seen = new Set<string>();
  for (const { candidate, host, condition } of others) {
    if (seen.size === OTHERS || seen.has(keyOf(candidate))) continue;
    seen.add(keyOf(candidate));
    near.push(nearRoute(candidate, host, condition));
  }
  return { match, near };
}

interface Other {
  readonly candidate: Candidate;
  readonly host: string;
  readonly condition: string;
  /** How much of host or path it has in common with the request. */
  readonly shared: number;
}

/** Candidates that take the request but for their host, or but for their path. */
function* otherwise(hosts: Iterable<HostPaths>, facts: RouteFacts, view: RequestView): Iterable<Other> {
  const { request } = facts;
  const own = hostOf(request.authority);
  for (const { host, paths } of hosts) {
    const hostFits = fitsHost(host, own);
    for (const { list } of paths.groups())
      for (const candidate of list) {
        const pathFits = fitsPath(candidate, request.path);
        if (hostFits === pathFits || !candidate.takes(facts, view)) continue;
        const path = pathText(candidate);
        yield hostFits
          ? {
              candidate,
              host,
              condition: `path is ${request.path}, not ${path}`,
              shared: common(path, request.path),
            }
          : {
              candidate,
              host,
              condition: `host is ${own || "missing"}, not ${host}`,
              shared: commonEnd(host, own),
            };
      }
  }
}

function nearRoute({ entry, matchIndex, path }: Candidate, host: string, condition: string): NearRoute {
  return {
    route: entry.route,
    matchIndex,
    host: host === "" ? undefined : host,
    path: path?.text,
    condition,
  };
}

function keyOf({ entry, matchIndex, path }: Candidate): string {
  return `${entry.route.name}\0${matchIndex}\0${path?.text}`;
}

/** Which of its hosts a candidate was found by. */
function hostText({ conditions }: Candidate, { request }: RouteFacts): string {
  const own = hostOf(request.authority);
  return conditions.hosts.find((host) => fitsHost(host, own)) ?? "";
}

function fitsHost(written: string, host: string): boolean {
  if (written === "" || written === host) return true;
  return written.startsWith("*.") && host.endsWith(written.slice(1)) && host.length >= written.length;
}

function fitsPath({ path }: Candidate, asked: string): boolean {
  return path === undefined || matchesPath(path, asked);
}

function common(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

function commonEnd(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a.at(-1 - length) === b.at(-1 - length)) length++;
  return length;
}
