import type { Candidate } from "./candidate.ts";
import type { HostPaths, RouteEntry } from "./router.ts";

/** An entry of a route's conditions that no request can reach. */
export interface Shadow {
  readonly hidden: RouteEntry;
  /** Which of its entries of conditions. */
  readonly matchIndex: number;
  /** The route that takes what it would. */
  readonly by: RouteEntry;
}

/**
 * Finds entries all of whose hosts and paths are taken before they are asked. Only what ranks before can hide, and only
 * what has the same host and path, or an expression that takes a whole prefix, can take all; so one pass is enough.
 */
export function findShadows(hosts: Iterable<HostPaths>): Shadow[] {
  const reached: Candidate[] = [];
  const hiding = new Map<string, Shadow>();
  const ids = new Map<RouteEntry, number>();
  const idOf = ({ entry, matchIndex }: Candidate): string => {
    if (!ids.has(entry)) ids.set(entry, ids.size);
    return `${ids.get(entry)}:${matchIndex}`;
  };
  for (const { paths } of hosts) {
    const wide = new WideExpressions();
    for (const { list } of paths.groups()) {
      // Alone with its host and path, as most are.
      if (list.length === 1 && wide.isEmpty && list[0]!.path?.expression === undefined) {
        reached.push(list[0]!);
        continue;
      }
      const seen = new Map<string, Earlier>();
      for (const candidate of list) {
        const earlier = earlierOf(seen, candidate.path?.expression === undefined ? "" : candidate.path.text);
        const by = earlier.covering(candidate) ?? wide.covering(candidate);
        if (by === undefined) {
          reached.push(candidate);
          earlier.add(candidate);
          wide.add(candidate);
          continue;
        }
        const id = idOf(candidate);
        if (by.entry.position < (hiding.get(id)?.by.position ?? Number.POSITIVE_INFINITY))
          hiding.set(id, { hidden: candidate.entry, matchIndex: candidate.matchIndex, by: by.entry });
      }
    }
  }
  if (hiding.size === 0) return [];
  for (const candidate of reached) hiding.delete(idOf(candidate));
  return [...hiding.values()].sort(
    (a, b) => a.hidden.position - b.hidden.position || a.matchIndex - b.matchIndex,
  );
}

function earlierOf(seen: Map<string, Earlier>, path: string): Earlier {
  const there = seen.get(path) ?? new Earlier();
  seen.set(path, there);
  return there;
}

/** Candidates of one host and path that are asked earlier, each under the condition that the fewest others stand under. */
class Earlier {
  readonly #byKey = new Map<string, Candidate[]>();

  add(candidate: Candidate): void {
    if (candidate.conditions.conditions.length === 0) {
      for (const key of methodKeys(candidate)) this.#put(key, candidate);
      return;
    }
    let key = "";
    let fewest = Number.POSITIVE_INFINITY;
    for (const condition of candidate.conditions.conditions) {
      const count = this.#byKey.get(condition.key)?.length ?? 0;
      if (count >= fewest) continue;
      fewest = count;
      key = condition.key;
    }
    this.#put(key, candidate);
  }

  #put(key: string, candidate: Candidate): void {
    const there = this.#byKey.get(key) ?? [];
    there.push(candidate);
    this.#byKey.set(key, there);
  }

  /** One that takes whatever this candidate would. */
  covering(candidate: Candidate): Candidate | undefined {
    const keys = new Set(candidate.conditions.conditions.flatMap(({ key, implies }) => [key, ...implies]));
    // What has all of its methods has the first of them.
    for (const key of new Set(["", methodKeys(candidate)[0] ?? "", ...keys]))
      for (const earlier of this.#byKey.get(key) ?? [])
        if (isWeaker(earlier, candidate, keys)) return earlier;
    return undefined;
  }
}

const WIDE = /^((?:[A-Za-z0-9\-_~!&'=:@/%,;]|\\[./])*)\.\*$/;

/** Expressions that take everything that begins with some text: `/a/.*`. */
class WideExpressions {
  readonly #byText = new Map<string, Earlier>();

  get isEmpty(): boolean {
    return this.#byText.size === 0;
  }

  add(candidate: Candidate): void {
    const { path } = candidate;
    const found = path?.expression === undefined ? null : WIDE.exec(path.text);
    if (found !== null) earlierOf(this.#byText, found[1]!.replaceAll("\\", "")).add(candidate);
  }

  /** Prefixes only: what else there is ranks before expressions. */
  covering(candidate: Candidate): Candidate | undefined {
    const { path } = candidate;
    if (this.#byText.size === 0 || path?.expression !== undefined || path?.open === false) return undefined;
    const segments = path?.segments ?? [];
    // What takes everything takes "*" as well, which no expression does.
    if (segments.length === 0) return undefined;
    const parameter = segments.indexOf(undefined);
    const literals = parameter === -1 ? segments : [...segments.slice(0, parameter), ""];
    const start = `/${literals.join("/")}`;
    for (let length = start.length; length >= 0; length--) {
      const by = this.#byText.get(start.slice(0, length))?.covering(candidate);
      if (by !== undefined) return by;
    }
    return undefined;
  }
}

function methodKeys({ conditions: { methods } }: Candidate): readonly string[] {
  return methods.length === 0 ? [""] : methods;
}

/** Whether one takes whatever satisfies the keys of the other. */
function isWeaker(earlier: Candidate, candidate: Candidate, keys: ReadonlySet<string>): boolean {
  if (earlier.entry === candidate.entry && earlier.matchIndex === candidate.matchIndex) return false;
  return (
    includes(earlier.conditions.methods, candidate.conditions.methods) &&
    includes(earlier.entry.listeners, candidate.entry.listeners) &&
    earlier.conditions.conditions.every(({ key }) => keys.has(key))
  );
}

/** Whether a list that is empty for all holds whatever another does. */
function includes(list: readonly string[], other: readonly string[]): boolean {
  if (list.length === 0) return true;
  return other.length > 0 && other.every((name) => list.includes(name));
}
