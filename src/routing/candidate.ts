import type { RouteFacts } from "../pipeline/ports.ts";
import type { Match } from "../pipeline/route.ts";
import type { CompiledMatch } from "./compile-match.ts";
import type { CompiledPath } from "./path-pattern.ts";
import type { RequestView } from "./request-view.ts";
import type { RouteEntry } from "./router.ts";

/** One way to a route: one of its entries of conditions, with one of that entry's paths. */
export class Candidate {
  readonly match: Match;
  readonly entry: RouteEntry;
  /** Which of the route's entries of conditions. */
  readonly matchIndex: number;
  readonly conditions: CompiledMatch;
  readonly path: CompiledPath | undefined;
  /** Nothing is asked beyond host and path. */
  readonly #plain: boolean;

  constructor(
    entry: RouteEntry,
    matchIndex: number,
    conditions: CompiledMatch,
    path: CompiledPath | undefined,
  ) {
    this.match = Object.freeze({ route: entry.route, pattern: path });
    this.entry = entry;
    this.matchIndex = matchIndex;
    this.conditions = conditions;
    this.path = path;
    this.#plain =
      conditions.methods.length === 0 && conditions.conditions.length === 0 && entry.listeners.length === 0;
  }

  /** Whether a request whose host and path fit satisfies the rest. */
  takes(facts: RouteFacts, view: RequestView): boolean {
    if (this.#plain) return true;
    const { methods, conditions } = this.conditions;
    if (methods.length > 0 && !methods.includes(facts.request.method)) return false;
    const { listeners } = this.entry;
    if (listeners.length > 0 && !listeners.includes(facts.listener)) return false;
    for (const condition of conditions) if (!condition.test(facts, view)) return false;
    return true;
  }

  /** What of the rest a request does not satisfy. */
  failures(facts: RouteFacts, view: RequestView): string[] {
    const { methods, conditions } = this.conditions;
    const { listeners } = this.entry;
    const failures: string[] = [];
    if (methods.length > 0 && !methods.includes(facts.request.method))
      failures.push(`method is ${facts.request.method}, not ${methods.join(" or ")}`);
    if (listeners.length > 0 && !listeners.includes(facts.listener))
      failures.push(`listener is ${JSON.stringify(facts.listener)}, not ${listeners.join(" or ")}`);
    for (const condition of conditions)
      if (!condition.test(facts, view)) failures.push(condition.failure(facts, view));
    return failures;
  }
}

/**
 * The order of candidates whose hosts and paths weigh alike: a method given, then the number of conditions on fields,
 * query, cookies, client and expressions, then the greater priority, then the order in which they are written.
 */
export function compareCandidates(a: Candidate, b: Candidate): number {
  return (
    b.conditions.rank - a.conditions.rank ||
    b.entry.priority - a.entry.priority ||
    a.entry.position - b.entry.position ||
    a.matchIndex - b.matchIndex
  );
}
