import type { RouteFacts } from "../pipeline/ports.ts";
import type { Candidate } from "./candidate.ts";
import { Group, type Refusals } from "./group.ts";
import type { CompiledPath } from "./path-pattern.ts";
import type { RequestView } from "./request-view.ts";
import { type Edit, HASH_PRIME, HASH_SEED, TextTable } from "./text-table.ts";

const SLASH = 0x2f;

/** One segment further into the paths of a host. */
class PathNode {
  readonly owner: Edit;
  literals: TextTable<PathNode> | undefined;
  /** Where any segment but an empty one leads. */
  parameter: PathNode | undefined;
  /** Paths that end here. */
  end: Group | undefined;
  /** Paths that end here or go on. */
  below: Group | undefined;

  constructor(owner: Edit, from?: PathNode) {
    this.owner = owner;
    this.literals = from?.literals;
    this.parameter = from?.parameter;
    this.end = from?.end;
    this.below = from?.below;
  }

  get isEmpty(): boolean {
    return (
      this.end === undefined &&
      this.below === undefined &&
      this.parameter === undefined &&
      (this.literals === undefined || this.literals.size === 0)
    );
  }
}

/** What a table needs while it looks for one request's route; made once. */
export interface Walk {
  /** Nodes that the literal segments of the path led to, from the root. */
  readonly nodes: PathNode[];
  /** Where behind each of them the next segment begins; past the path's end when there is none. */
  readonly starts: number[];
  readonly view: RequestView;
  /** Told of candidates that did not take it; undefined when nobody asks. */
  refused: Refusals | undefined;
}

/** The paths of one host. Path conditions weigh: exact, then with parameters, then expressions, then prefixes. */
export class PathIndex {
  readonly owner: Edit;
  #root: PathNode;
  /** Candidates by length of their expressions, the longest first, then by rank. */
  #expressions: readonly (readonly [length: number, groups: Group])[];
  /** Exact paths, and prefixes, that hold parameters: without any there is nothing to go back for. */
  #parametrized: number;

  constructor(owner: Edit, from?: PathIndex) {
    this.owner = owner;
    this.#root = from === undefined ? new PathNode(owner) : from.#root;
    this.#expressions = from === undefined ? [] : from.#expressions;
    this.#parametrized = from === undefined ? 0 : from.#parametrized;
  }

  get isEmpty(): boolean {
    return this.#root.isEmpty && this.#expressions.length === 0;
  }

  /** The candidate that takes a request, the closest first. */
  find(facts: RouteFacts, walk: Walk): Candidate | undefined {
    const { path } = facts.request;
    const { view, refused, nodes } = walk;
    // "*" is no path: only what takes everything takes it.
    if (path.charCodeAt(0) !== SLASH) return this.#root.below?.find(facts, view, refused);
    const depth = descend(this.#root, path, walk);
    const ends = walk.starts[depth]! > path.length;
    const { end } = nodes[depth]!;
    if (ends && end !== undefined) {
      const exact = end.find(facts, view, refused);
      if (exact !== undefined) return exact;
    }
    if (this.#parametrized > 0) {
      const found = this.#turnOff(facts, walk, depth, true);
      if (found !== undefined) return found;
    }
    if (this.#expressions.length > 0) {
      const found = findExpression(this.#expressions, facts, walk);
      if (found !== undefined) return found;
    }
    if (this.#parametrized > 0) return this.#turnOff(facts, walk, depth, false);
    for (let i = depth; i >= 0; i--) {
      const { below } = nodes[i]!;
      if (below === undefined) continue;
      const found = below.find(facts, view, refused);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** From the last literal segment back: takes a parameter instead. Prefixes are asked on the same way. */
  #turnOff(facts: RouteFacts, walk: Walk, depth: number, whole: boolean): Candidate | undefined {
    const { nodes, starts, view, refused } = walk;
    for (let i = depth; i >= 0; i--) {
      const { parameter, below } = nodes[i]!;
      const found =
        parameter === undefined ? undefined : takeParameter(parameter, starts[i]!, facts, walk, whole);
      if (found !== undefined) return found;
      if (whole || below === undefined) continue;
      const prefix = below.find(facts, view, refused);
      if (prefix !== undefined) return prefix;
    }
    return undefined;
  }

  /** Adds a candidate; only while the edit that made this index is under way. */
  add(candidate: Candidate): void {
    const { path } = candidate;
    const edit = this.owner;
    if (path?.segments === undefined && path !== undefined) {
      this.#changeExpressions(path, (group) =>
        group === undefined ? new Group(edit, [candidate]) : group.with(candidate, edit),
      );
      return;
    }
    this.#root = changed(this.#root, path?.segments ?? [], 0, path?.open ?? true, edit, (group) =>
      group === undefined ? new Group(edit, [candidate]) : group.with(candidate, edit),
    );
    if (hasParameters(path)) this.#parametrized++;
  }

  /** Removes what an entry has under a path; only while the edit that made this index is under way. */
  remove(entry: object, path: CompiledPath | undefined): void {
    const edit = this.owner;
    if (path?.segments === undefined && path !== undefined) {
      this.#changeExpressions(path, (group) => group?.without(entry, edit));
      return;
    }
    let removed = 0;
    this.#root = changed(this.#root, path?.segments ?? [], 0, path?.open ?? true, edit, (group) => {
      const left = group?.without(entry, edit);
      removed = (group?.list.length ?? 0) - (left?.list.length ?? 0);
      return left;
    });
    if (hasParameters(path)) this.#parametrized -= removed;
  }

  /** Every group of candidates: those with one path, and those with expressions of one length. */
  *groups(): IterableIterator<Group> {
    for (const [, group] of this.#expressions) yield group;
    const nodes = [this.#root];
    for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
      if (node.end !== undefined) yield node.end;
      if (node.below !== undefined) yield node.below;
      if (node.parameter !== undefined) nodes.push(node.parameter);
      for (const [, child] of node.literals?.entries() ?? []) nodes.push(child);
    }
  }

  #changeExpressions(path: CompiledPath, change: (group: Group | undefined) => Group | undefined): void {
    const { length } = path.text;
    const before = this.#expressions.find((one) => one[0] === length);
    const after = change(before?.[1]);
    if (after !== undefined && after === before?.[1]) return;
    const others = this.#expressions.filter((one) => one !== before);
    const next: (readonly [number, Group])[] = after === undefined ? others : [...others, [length, after]];
    this.#expressions = next.sort((a, b) => b[0] - a[0]);
  }
}

function hasParameters(path: CompiledPath | undefined): boolean {
  return path?.segments?.includes(undefined) === true;
}

/** Goes as far as the path's segments are literals, and notes the way; gives the last node's place. */
function descend(root: PathNode, path: string, { nodes, starts }: Walk): number {
  let node = root;
  let depth = 0;
  let start = 1;
  nodes[0] = root;
  starts[0] = 1;
  while (node.literals !== undefined && start <= path.length) {
    // The hash of text-table.ts, taken while looking for the slash.
    let hash = HASH_SEED;
    let end = start;
    for (; end < path.length; end++) {
      const unit = path.charCodeAt(end);
      if (unit === SLASH) break;
      hash = Math.imul(hash ^ unit, HASH_PRIME);
    }
    const next = node.literals.find(path, start, end, hash);
    if (next === undefined) break;
    node = next;
    start = end + 1;
    depth++;
    nodes[depth] = node;
    starts[depth] = start;
  }
  return depth;
}

/** A parameter takes the segment at `start`; from there literals come before parameters, and those before the rest. */
function takeParameter(
  node: PathNode,
  start: number,
  facts: RouteFacts,
  walk: Walk,
  whole: boolean,
): Candidate | undefined {
  const { path } = facts.request;
  const slash = path.indexOf("/", start);
  const end = slash === -1 ? path.length : slash;
  return end <= start ? undefined : goOn(node, end + 1, facts, walk, whole);
}

function goOn(
  node: PathNode,
  start: number,
  facts: RouteFacts,
  walk: Walk,
  whole: boolean,
): Candidate | undefined {
  const { path } = facts.request;
  const { view, refused } = walk;
  if (start <= path.length) {
    if (node.literals !== undefined) {
      const slash = path.indexOf("/", start);
      const end = slash === -1 ? path.length : slash;
      const next = node.literals.get(path.slice(start, end));
      const found = next === undefined ? undefined : goOn(next, end + 1, facts, walk, whole);
      if (found !== undefined) return found;
    }
    if (node.parameter !== undefined) {
      const found = takeParameter(node.parameter, start, facts, walk, whole);
      if (found !== undefined) return found;
    }
  } else if (whole) return node.end?.find(facts, view, refused);
  return whole ? undefined : node.below?.find(facts, view, refused);
}

function findExpression(
  expressions: readonly (readonly [number, Group])[],
  facts: RouteFacts,
  { view, refused }: Walk,
): Candidate | undefined {
  const { path } = facts.request;
  for (const [, { list }] of expressions)
    for (const candidate of list) {
      if (!candidate.path!.expression!.test(path)) continue;
      if (candidate.takes(facts, view)) return candidate;
      refused?.(candidate);
    }
  return undefined;
}

/** A node with another group behind some segments; what is not on the way there is shared with the old one. */
function changed(
  node: PathNode | undefined,
  segments: readonly (string | undefined)[],
  depth: number,
  open: boolean,
  edit: Edit,
  change: (group: Group | undefined) => Group | undefined,
): PathNode {
  const own = node?.owner === edit ? node : new PathNode(edit, node);
  if (depth === segments.length) {
    if (open) own.below = change(own.below);
    else own.end = change(own.end);
    return own;
  }
  const segment = segments[depth];
  const next = segment === undefined ? own.parameter : own.literals?.get(segment);
  const child = changed(next, segments, depth + 1, open, edit, change);
  if (segment === undefined) own.parameter = child.isEmpty ? undefined : child;
  else {
    own.literals = (own.literals ?? new TextTable<PathNode>(edit)).editable(edit);
    if (child.isEmpty) own.literals.delete(segment);
    else own.literals.set(segment, child);
    if (own.literals.size === 0) own.literals = undefined;
  }
  return own;
}
