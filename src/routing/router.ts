import { ALWAYS } from "../config/always.ts";
import type { MatchConfig } from "../config/route-schema.ts";
import type { RouteFacts, Router } from "../pipeline/ports.ts";
import type { Match, Route } from "../pipeline/route.ts";
import { Candidate } from "./candidate.ts";
import { type CompiledMatch, compileMatch } from "./compile-match.ts";
import { explainMatch, type RouteExplanation } from "./explain.ts";
import { hostOf } from "./host.ts";
import { PathIndex, type Walk } from "./path-index.ts";
import { RequestView } from "./request-view.ts";
import { findResiduals, type Residual } from "./residuals.ts";
import { findShadows, type Shadow } from "./shadows.ts";
import { type Edit, TextTable } from "./text-table.ts";

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

/** The paths of a host as it is written: a name, `*.name`, or empty for every host. */
export interface HostPaths {
  readonly host: string;
  readonly paths: PathIndex;
}

/** Authorities whose hosts are remembered, twice: clients send few, attackers many. */
const REMEMBERED = 1_000;

/**
 * Finds a request's route. What is closest wins: the exact host before the longest wildcard before any host; then the path:
 * exact, with parameters, an expression, the longest prefix; then what `compareCandidates` says. One that does not take
 * the request makes way for the next in this order. Never changed: `with` makes another that shares what is the same.
 */
export class RouteTable implements Router {
  readonly #hosts: TextTable<PathIndex>;
  /** By what follows the star: `.b.example`. */
  readonly #wildcards: TextTable<PathIndex>;
  readonly #any: PathIndex;
  readonly #notFound: Match;
  readonly #walk: Walk = { nodes: [], starts: [], view: new RequestView(), refused: undefined };
  #remembered = new Map<string, readonly PathIndex[]>();
  /** Remembered before; what is asked for again moves over. */
  #older = new Map<string, readonly PathIndex[]>();
  #lastAuthority: string | undefined = undefined;
  #lastIndexes: readonly PathIndex[] = [];

  private constructor(draft: Draft, notFound: Route) {
    this.#hosts = draft.hosts;
    this.#wildcards = draft.wildcards;
    this.#any = draft.any;
    this.#notFound = Object.freeze({ route: notFound, pattern: undefined });
  }

  /** A table of these routes. Throws an Error for conditions that `checkMatch` finds fault with. */
  static from(entries: readonly RouteEntry[], notFound: Route): RouteTable {
    return finish(RouteTable.fromSteps(entries, notFound));
  }

  /** As `from`, with a pause after each route: 10,000 of them take some 100 ms. */
  static *fromSteps(entries: readonly RouteEntry[], notFound: Route): Generator<void, RouteTable> {
    const edit: Edit = {};
    const draft = new Draft(edit, new TextTable(edit), new TextTable(edit), new PathIndex(edit));
    yield* draft.change([], entries);
    return new RouteTable(draft, notFound);
  }

  /** A table without some routes and with others; the cost grows with the change, not with the table. */
  with(removed: readonly RouteEntry[], added: readonly RouteEntry[], notFound: Route): RouteTable {
    return finish(this.withSteps(removed, added, notFound));
  }

  /** As `with`, with a pause after each route. */
  *withSteps(
    removed: readonly RouteEntry[],
    added: readonly RouteEntry[],
    notFound: Route,
  ): Generator<void, RouteTable> {
    const draft = new Draft({}, this.#hosts, this.#wildcards, this.#any);
    yield* draft.change(removed, added);
    return new RouteTable(draft, notFound);
  }

  match(facts: RouteFacts): Match {
    const { authority } = facts.request;
    if (authority !== this.#lastAuthority) {
      this.#lastIndexes = this.#indexesOf(authority);
      this.#lastAuthority = authority;
    }
    const indexes = this.#lastIndexes;
    const walk = this.#walk;
    let found: Candidate | undefined;
    for (let i = 0; i < indexes.length && found === undefined; i++) found = indexes[i]!.find(facts, walk);
    walk.view.clear();
    return found === undefined ? this.#notFound : found.match;
  }

  /** How a request's route is found, by what finds it: the match, and what came close and why it was not taken. */
  explain(facts: RouteFacts): RouteExplanation {
    const refused: Candidate[] = [];
    this.#walk.refused = (candidate) => refused.push(candidate);
    try {
      return explainMatch(this.match(facts), refused, this.#hostPaths(), facts);
    } finally {
      this.#walk.refused = undefined;
    }
  }

  /** Entries of conditions that no request can reach, since one that is asked before takes all that they would. */
  shadows(): Shadow[] {
    return findShadows(this.#hostPaths());
  }

  /** Where several routes share one host and path and are told apart by further conditions; the most first. */
  residuals(): Residual[] {
    return findResiduals(this.#hostPaths());
  }

  *#hostPaths(): IterableIterator<HostPaths> {
    for (const [host, paths] of this.#hosts.entries()) yield { host, paths };
    for (const [suffix, paths] of this.#wildcards.entries()) yield { host: `*${suffix}`, paths };
    yield { host: "", paths: this.#any };
  }

  #indexesOf(authority: string): readonly PathIndex[] {
    const known = this.#remembered.get(authority);
    if (known !== undefined) return known;
    const indexes = this.#older.get(authority) ?? this.#findIndexes(hostOf(authority));
    if (this.#remembered.size >= REMEMBERED) {
      this.#older = this.#remembered;
      this.#remembered = new Map();
    }
    this.#remembered.set(authority, indexes);
    return indexes;
  }

  #findIndexes(host: string): readonly PathIndex[] {
    const indexes: PathIndex[] = [];
    const exact = this.#hosts.get(host);
    if (exact !== undefined) indexes.push(exact);
    for (let dot = host.indexOf("."); dot !== -1; dot = host.indexOf(".", dot + 1)) {
      const wildcard = dot > 0 ? this.#wildcards.get(host.slice(dot)) : undefined;
      if (wildcard !== undefined) indexes.push(wildcard);
    }
    if (!this.#any.isEmpty) indexes.push(this.#any);
    return indexes;
  }
}

/** A table while it is made: what is shared with another is copied where it changes. */
class Draft {
  readonly #edit: Edit;
  hosts: TextTable<PathIndex>;
  wildcards: TextTable<PathIndex>;
  any: PathIndex;

  constructor(edit: Edit, hosts: TextTable<PathIndex>, wildcards: TextTable<PathIndex>, any: PathIndex) {
    this.#edit = edit;
    this.hosts = hosts;
    this.wildcards = wildcards;
    this.any = any;
  }

  *change(removed: readonly RouteEntry[], added: readonly RouteEntry[]): Generator<void, void> {
    for (const entry of removed) {
      this.#remove(entry);
      yield;
    }
    // In the order of their ranks nothing must make room.
    for (const entry of added.toSorted((a, b) => a.position - b.position)) {
      this.#add(entry);
      yield;
    }
  }

  #add(entry: RouteEntry): void {
    for (const [matchIndex, conditions] of compiledOf(entry).entries()) {
      const hosts = hostsOf(conditions);
      for (const path of conditions.paths) {
        const candidate = new Candidate(entry, matchIndex, conditions, path);
        for (const host of hosts) this.#change(host, (paths) => paths.add(candidate));
      }
    }
  }

  #remove(entry: RouteEntry): void {
    for (const conditions of compiledOf(entry))
      for (const host of hostsOf(conditions))
        this.#change(host, (paths) => {
          for (const path of conditions.paths) paths.remove(entry, path);
        });
  }

  #change(host: string, change: (paths: PathIndex) => void): void {
    const edit = this.#edit;
    if (host === "") {
      if (this.any.owner !== edit) this.any = new PathIndex(edit, this.any);
      change(this.any);
      return;
    }
    const wildcard = host.startsWith("*.");
    const table = (wildcard ? this.wildcards : this.hosts).editable(edit);
    if (wildcard) this.wildcards = table;
    else this.hosts = table;
    const key = wildcard ? host.slice(1) : host;
    const before = table.get(key);
    const paths = before?.owner === edit ? before : new PathIndex(edit, before);
    change(paths);
    if (paths.isEmpty) table.delete(key);
    else if (paths !== before) table.set(key, paths);
  }
}

function finish(steps: Generator<void, RouteTable>): RouteTable {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

const EVERY_HOST: readonly string[] = [""];

function hostsOf({ hosts }: CompiledMatch): readonly string[] {
  return hosts.length === 0 ? EVERY_HOST : hosts;
}

function compiledOf({ route, match }: RouteEntry): readonly CompiledMatch[] {
  try {
    return (match.length === 0 ? [ALWAYS] : match).map(compileMatch);
  } catch (error) {
    throw new Error(`route ${route.name}: ${(error as Error).message}`, { cause: error });
  }
}
