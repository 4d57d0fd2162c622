import type { MatchConfig } from "../config/route-schema.ts";
import type { PathCondition } from "../config/values.ts";
import { type Condition, compileConditions } from "./conditions.ts";
import { compileExpression } from "./expression.ts";
import { type CompiledPath, compilePath } from "./path-pattern.ts";

/** One entry of a route's conditions, compiled. */
export interface CompiledMatch {
  /** Empty for every host. */
  readonly hosts: readonly string[];
  /** One that is undefined takes every path. */
  readonly paths: readonly (CompiledPath | undefined)[];
  /** Empty for all. */
  readonly methods: readonly string[];
  readonly conditions: readonly Condition[];
  /** What it ranks by beside host and path; more is closer. */
  readonly rank: number;
}

/** Shared: most routes have none. */
const EMPTY: readonly never[] = Object.freeze([]);
const EVERY_PATH: readonly undefined[] = Object.freeze([undefined]);

/** More conditions of one kind than this count as so many. */
const MOST = 512;

/** Written conditions are never changed, so that one table after another can use what was compiled. */
const compiled = new WeakMap<MatchConfig, CompiledMatch>();

/** Compiles conditions; the same object gives the same result. Throws an Error for an expression that is none. */
export function compileMatch(match: MatchConfig): CompiledMatch {
  const before = compiled.get(match);
  if (before !== undefined) return before;
  const { host, path, method } = match;
  const conditions = compileConditions(match);
  const made: CompiledMatch = {
    hosts: host.length === 0 ? EMPTY : [...new Set(host.map((name) => name.toLowerCase()))],
    paths: path.length === 0 ? EVERY_PATH : distinct(path).map(compilePath),
    methods: method.length === 0 ? EMPTY : [...new Set(method)],
    conditions: conditions.length === 0 ? EMPTY : conditions,
    rank: rankOf(match),
  };
  compiled.set(match, made);
  return made;
}

/** One number for what is compared in turn: a method, then how many fields, parameters, cookies, networks, expressions. */
function rankOf({ method, headers, query, cookies, from, when }: MatchConfig): number {
  const counts = [headers, query, cookies].map((named) => Math.min(Object.keys(named).length, MOST - 1));
  const there = [from.length > 0, when !== undefined].map(Number);
  return [...counts, ...there].reduce((rank, count) => rank * MOST + count, Math.min(method.length, 1));
}

function distinct(paths: readonly PathCondition[]): PathCondition[] {
  return [...new Map(paths.map((path) => [JSON.stringify(path), path])).values()];
}

/** What is wrong with written conditions: expressions that are none, and paths that no request can have. */
export function checkMatch(match: MatchConfig): string[] {
  try {
    return compileMatch(match).paths.flatMap((path) => (path === undefined ? [] : checkPath(path)));
  } catch {
    return checkParts(match);
  }
}

/** One by one, so that all problems are found. */
function checkParts(match: MatchConfig): string[] {
  const problems = match.path.flatMap((path) => {
    const failures = failureOf(() => compilePath(path));
    return failures.length > 0 ? failures : checkPath(compilePath(path));
  });
  const { when } = match;
  if (when !== undefined)
    problems.push(...failureOf(() => compileExpression(when)).map((message) => `when: ${message}`));
  problems.push(...failureOf(() => compileConditions({ ...match, when: undefined })));
  return problems;
}

function checkPath({ text, segments = [] }: CompiledPath): string[] {
  if (segments.some((segment) => segment === "." || segment === ".."))
    return [`the path ${text} can never match: "." and ".." are resolved before`];
  if (segments.some((segment) => segment?.includes("%00")))
    return [`the path ${text} can never match: %00 is refused before`];
  return [];
}

function failureOf(compile: () => unknown): string[] {
  try {
    compile();
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}
