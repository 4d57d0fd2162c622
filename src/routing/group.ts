import type { RouteFacts } from "../pipeline/ports.ts";
import { type Candidate, compareCandidates } from "./candidate.ts";
import type { Equality } from "./conditions.ts";
import type { RequestView } from "./request-view.ts";
import type { Edit } from "./text-table.ts";

/** What happens to candidates that are asked and do not take a request. */
export type Refusals = (candidate: Candidate) => void;

/** From here on candidates that ask for one value each are found by it. */
const MANY = 16;

/** Candidates with one host and path, in the order in which they are asked. */
export class Group {
  /** @internal */
  readonly owner: Edit;
  readonly #list: Candidate[];
  /** Made by the first request that asks; null where it is of no use. */
  #byValue: ByValue | null | undefined;

  constructor(owner: Edit, list: Candidate[]) {
    this.owner = owner;
    this.#list = list;
    this.#byValue = list.length > MANY ? undefined : null;
  }

  get list(): readonly Candidate[] {
    return this.#list;
  }

  find(facts: RouteFacts, view: RequestView, refused: Refusals | undefined): Candidate | undefined {
    const list = this.#list;
    if (this.#byValue !== null && refused === undefined) {
      if (this.#byValue === undefined) this.#byValue = byValue(list);
      if (this.#byValue !== null) return findByValue(list, this.#byValue, facts, view);
    }
    for (let i = 0; i < list.length; i++) {
      const candidate = list[i]!;
      if (candidate.takes(facts, view)) return candidate;
      if (refused !== undefined) refused(candidate);
    }
    return undefined;
  }

  /** This group with one candidate more. */
  with(candidate: Candidate, edit: Edit): Group {
    const group = this.owner === edit ? this : new Group(edit, this.#list.slice());
    const list = group.#list;
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareCandidates(list[middle]!, candidate) <= 0) low = middle + 1;
      else high = middle;
    }
    if (low === list.length) list.push(candidate);
    else list.splice(low, 0, candidate);
    group.#byValue = list.length > MANY ? undefined : null;
    return group;
  }

  /** This group without the candidates of an entry; undefined when none is left. */
  without(entry: object, edit: Edit): Group | undefined {
    const left = this.#list.filter((candidate) => candidate.entry !== entry);
    return left.length === 0 ? undefined : new Group(edit, left);
  }
}

/** Candidates that ask for a value of one field, parameter or cookie, and all others; both as places in the list. */
interface ByValue {
  readonly equality: Equality;
  readonly places: ReadonlyMap<string, readonly number[]>;
  readonly rest: readonly number[];
}

const NONE: readonly number[] = [];

function byValue(list: readonly Candidate[]): ByValue | null {
  const equality = mostAsked(list);
  if (equality === undefined) return null;
  const places = new Map<string, number[]>();
  const rest: number[] = [];
  for (const [place, { conditions }] of list.entries()) {
    const own = conditions.conditions.find(({ equals }) => equals?.what === equality.what)?.equals;
    if (own === undefined) rest.push(place);
    else placesOf(places, own.value).push(place);
  }
  return { equality, places, rest };
}

function placesOf(places: Map<string, number[]>, value: string): number[] {
  const there = places.get(value) ?? [];
  places.set(value, there);
  return there;
}

/** What most of them ask for; undefined when fewer than half do. */
function mostAsked(list: readonly Candidate[]): Equality | undefined {
  const counts = new Map<string, number>();
  let most: Equality | undefined;
  let count = list.length / 2;
  for (const { conditions } of list)
    for (const { equals } of conditions.conditions) {
      if (equals === undefined) continue;
      const next = (counts.get(equals.what) ?? 0) + 1;
      counts.set(equals.what, next);
      if (next <= count) continue;
      count = next;
      most = equals;
    }
  return most;
}

function findByValue(
  list: readonly Candidate[],
  { equality, places, rest }: ByValue,
  facts: RouteFacts,
  view: RequestView,
): Candidate | undefined {
  const value = equality.read(facts, view);
  const asked = (value === undefined ? undefined : places.get(value)) ?? NONE;
  let i = 0;
  let j = 0;
  while (i < asked.length || j < rest.length) {
    const place = j === rest.length || (i < asked.length && asked[i]! < rest[j]!) ? asked[i++]! : rest[j++]!;
    const candidate = list[place]!;
    if (candidate.takes(facts, view)) return candidate;
  }
  return undefined;
}
