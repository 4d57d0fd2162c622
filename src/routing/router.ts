import type { ReceivedRequest } from "../lib/request.ts";
import type { Router } from "../pipeline/ports.ts";
import type { Route } from "../pipeline/route.ts";

/** Conditions of one route; what is left out matches everything. */
export interface RouteMatch {
  /** Names, or `*.` and a name for all below it; in lower case. */
  readonly hosts: readonly string[];
  /** A path, or one that ends in `/*` for it and all below it. */
  readonly paths: readonly string[];
  readonly methods: readonly string[];
}

interface Candidate {
  readonly route: Route;
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
  find(path: string, method: string): Route | undefined {
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

function pick(candidates: readonly Candidate[] | undefined, method: string): Route | undefined {
  if (candidates === undefined) return undefined;
  for (const { route, methods } of candidates)
    if (methods.length === 0 || methods.includes(method)) return route;
  return undefined;
}

/** Hosts whose indexes are remembered: clients send few, attackers many. */
const REMEMBERED_HOSTS = 1_000;

/**
 * Finds a request's route: the exact host before the longest wildcard before any host, the exact path before the longest
 * prefix, named methods before all methods, then the order in which they were written.
 */
export class RouteTable implements Router {
  readonly #hosts = new Map<string, PathIndex>();
  readonly #wildcards = new Map<string, PathIndex>();
  readonly #any = new PathIndex();
  readonly #remembered = new Map<string, PathIndex[]>();
  readonly #notFound: Route;
  #lastAuthority: string | undefined = undefined;
  #lastIndexes: PathIndex[] = [];

  constructor(routes: readonly { readonly route: Route; readonly match: RouteMatch }[], notFound: Route) {
    this.#notFound = notFound;
    for (const { route, match } of routes) {
      const hosts = match.hosts.length > 0 ? match.hosts : [undefined];
      const paths = match.paths.length > 0 ? match.paths : ["/*"];
      for (const host of hosts)
        for (const path of paths) this.#indexOf(host).add(path, { route, methods: match.methods });
    }
  }

  match(request: ReceivedRequest): Route {
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

/** The host of an authority as names are compared: lower case, without port and without the root's dot. */
function hostOf(authority: string): string {
  const host = authority.toLowerCase().replace(/:[0-9]*$/, "");
  return host.endsWith(".") ? host.slice(0, -1) : host;
}
