import type { MatchConfig } from "../config/route-schema.ts";
import type { RouteFacts, Router } from "../pipeline/ports.ts";
import type { Match, PathPattern, Route } from "../pipeline/route.ts";

/** A route with the conditions under which it is taken. */
export interface RouteEntry {
  readonly route: Route;
  /** Any of these; without one it is taken always. */
  readonly match: readonly MatchConfig[];
  /** Names of the listeners that it is bound to; empty for all. */
  readonly listeners: readonly string[];
  readonly priority: number;
  /** Grows in the order in which routes are written. */
  readonly position: number;
}

interface Candidate {
  readonly match: Match;
  /** Empty for all. */
  readonly methods: readonly string[];
}

/** The routes of one host, by path. */
class PathIndex {
  readonly #exact = new Map<string, Candidate[]>();
  /** By prefix without its last slash. */
  readonly #below = new Map<string, Candidate[]>();

  add(path: string, candidate: Candidate): void {
    const prefix = path.endsWith("/*");
    const index = prefix ? this.#below : this.#exact;
    const key = prefix ? path.slice(0, -2) : path;
    const there = index.get(key) ?? [];
    index.set(key, there);
    // A route that names methods is closer than one that takes all; among equals the one written first.
    const at = candidate.methods.length > 0 ? there.findIndex(({ methods }) => methods.length === 0) : -1;
    there.splice(at === -1 ? there.length : at, 0, candidate);
  }

  /** The exact path wins, then the longest prefix; at most one look-up a segment. */
  find(path: string, method: string): Match | undefined {
    const exact = this.#exact.size === 0 ? undefined : pick(this.#exact.get(path), method);
    if (exact !== undefined || this.#below.size === 0) return exact;
    let prefix = path;
    for (;;) {
      const found = pick(this.#below.get(prefix), method);
      if (found !== undefined) return found;
      const slash = prefix.lastIndexOf("/");
      if (prefix === "") return undefined;
      // "*" has no slash: only what takes everything takes it.
      prefix = slash === -1 ? "" : prefix.slice(0, slash);
    }
  }
}

function pick(candidates: readonly Candidate[] | undefined, method: string): Match | undefined {
  if (candidates === undefined) return undefined;
  for (const { match, methods } of candidates)
    if (methods.length === 0 || methods.includes(method)) return match;
  return undefined;
}

/** Hosts whose indexes are remembered: clients send few, attackers many. */
const REMEMBERED_HOSTS = 1_000;

/**
 * Finds a request's route: the exact host before the longest wildcard before any host, the exact path before the longest
 * prefix, named methods before all methods, then the order in which they were written.
 */
export class RouteTable implements Router {
  readonly #entries: readonly RouteEntry[];
  readonly #hosts = new Map<string, PathIndex>();
  readonly #wildcards = new Map<string, PathIndex>();
  readonly #any = new PathIndex();
  readonly #remembered = new Map<string, PathIndex[]>();
  readonly #notFound: Match;
  #lastAuthority: string | undefined = undefined;
  #lastIndexes: PathIndex[] = [];

  private constructor(entries: readonly RouteEntry[], notFound: Route) {
    this.#entries = [...entries].sort((a, b) => a.position - b.position);
    this.#notFound = { route: notFound, pattern: undefined };
    for (const { route, match } of this.#entries)
      for (const { host, path, method } of match)
        for (const name of host.length > 0 ? host : [undefined])
          for (const one of path.length > 0 ? path : ["/*"])
            this.#indexOf(name).add(one as string, {
              match: { route, pattern: patternOf(one as string) },
              methods: method,
            });
  }

  /** A table of these routes. */
  static from(entries: readonly RouteEntry[], notFound: Route): RouteTable {
    return new RouteTable(entries, notFound);
  }

  /** A table without some routes and with others; the cost grows with the change, not with the table. */
  with(removed: readonly RouteEntry[], added: readonly RouteEntry[], notFound: Route): RouteTable {
    const kept = this.#entries.filter((entry) => !removed.includes(entry));
    return new RouteTable([...kept, ...added], notFound);
  }

  match({ request }: RouteFacts): Match {
    const { authority, path, method } = request;
    const indexes =
      authority === this.#lastAuthority
        ? this.#lastIndexes
        : (this.#remembered.get(authority) ?? this.#remember(authority));
    this.#lastAuthority = authority;
    this.#lastIndexes = indexes;
    for (const index of indexes) {
      const found = index.find(path, method);
      if (found !== undefined) return found;
    }
    return this.#notFound;
  }

  #indexOf(host: string | undefined): PathIndex {
    if (host === undefined) return this.#any;
    const map = host.startsWith("*.") ? this.#wildcards : this.#hosts;
    const key = host.startsWith("*.") ? host.slice(1) : host;
    const index = map.get(key) ?? new PathIndex();
    map.set(key, index);
    return index;
  }

  #remember(authority: string): PathIndex[] {
    const host = hostOf(authority);
    const indexes: PathIndex[] = [];
    const exact = this.#hosts.get(host);
    if (exact !== undefined) indexes.push(exact);
    for (let dot = host.indexOf("."); dot !== -1; dot = host.indexOf(".", dot + 1)) {
      const wildcard = dot > 0 ? this.#wildcards.get(host.slice(dot)) : undefined;
      if (wildcard !== undefined) indexes.push(wildcard);
    }
    indexes.push(this.#any);
    if (this.#remembered.size >= REMEMBERED_HOSTS) this.#remembered.clear();
    this.#remembered.set(authority, indexes);
    return indexes;
  }
}

function patternOf(text: string): PathPattern {
  const prefix = text.endsWith("/*") ? text.length - 2 : undefined;
  return { text, params: () => ({}), prefixLength: (path) => prefix ?? path.length };
}

/** The host of an authority as names are compared: lower case, without port and without the root's dot. */
function hostOf(authority: string): string {
  const host = authority.toLowerCase().replace(/:[0-9]*$/, "");
  return host.endsWith(".") ? host.slice(0, -1) : host;
}
