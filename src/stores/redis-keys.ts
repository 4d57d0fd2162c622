import { hash } from "node:crypto";
import type { LimitRule } from "../pipeline/limits.ts";

/** What of a rule a script is told. */
export interface RuleArguments {
  /** Ends the name of its keys. */
  readonly suffix: string;
  /** How it counts: f(ixed), c(alendar), s(liding), b(ucket) or l(eaky bucket). */
  readonly kind: "f" | "c" | "s" | "b" | "l";
  /** Units that fit at once. */
  readonly greatest: number;
  readonly rule: LimitRule;
  /** Kind, limit, window in microseconds, and the burst or the edges of the calendar's windows at a time. */
  arguments(wall: number): readonly string[];
}

/**
 * The part of a key's name that tells keys apart: a digest, so that no name shows what requests are counted by. It stands in
 * braces: all keys of one decision are in one slot of a cluster.
 */
export function tagOf(space: string, key: string): string {
  return hash("sha256", JSON.stringify([space, key]), "base64url").slice(0, 22);
}

/** The keys of a decision, in the order of the rules. */
export function keysOf(prefix: string, tag: string, rules: readonly RuleArguments[]): string[] {
  return rules.map(({ suffix }) => `${prefix}{${tag}}:${suffix}`);
}

/** The rules of a limiter as scripts are told them; throws a RangeError for one that cannot be counted. */
export function argumentsOf(rules: readonly LimitRule[]): readonly RuleArguments[] {
  const names = new Map<string, number>();
  return rules.map((rule) => {
    check(rule);
    const name = nameOf(rule);
    const nth = (names.get(name) ?? 0) + 1;
    names.set(name, nth);
    const kind = KINDS[rule.algorithm];
    const greatest = greatestOf(rule);
    const suffix = nth === 1 ? name : `${name}:${nth}`;
    const window = String(rule.window * 1_000);
    const { calendar } = rule;
    if (calendar === undefined) {
      const fixed = [kind, String(rule.limit), window, String(greatest)];
      return { suffix, kind, greatest, rule, arguments: () => fixed };
    }
    const edges = edgesOf(calendar);
    return {
      suffix,
      kind: "c",
      greatest,
      rule,
      arguments: (wall) => ["c", String(rule.limit), window, edges(wall)],
    };
  });
}

const KINDS = { fixed: "f", sliding: "s", "token-bucket": "b", "leaky-bucket": "l" } as const;

/** Units that fit at once: what costs more is never allowed. */
function greatestOf({ algorithm, limit, burst }: LimitRule): number {
  if (algorithm === "token-bucket") return burst;
  return algorithm === "leaky-bucket" ? burst + 1 : limit;
}

/** What rules have in common that count in the same place: counts of windows go on where only a limit has changed. */
function nameOf({ algorithm, limit, window, burst, calendar }: LimitRule): string {
  if (algorithm === "fixed") return `${calendar === undefined ? "f" : "c"}${window}`;
  if (algorithm === "sliding") return `s${window}`;
  return `${KINDS[algorithm]}${limit}-${window}-${burst}`;
}

/** The edges of the window that holds a time, of the one before and the one behind it: the server's clock may differ. */
function edgesOf(calendar: NonNullable<LimitRule["calendar"]>): (wall: number) => string {
  let [from, to] = [0, 0];
  let edges = "";
  return (wall) => {
    if (wall < from || wall >= to) {
      [from, to] = calendar(wall);
      edges = [calendar(from - 1)[0], from, to, calendar(to)[1]].join(" ");
    }
    return edges;
  };
}

const MOST_UNITS = 0xffff_fffe;

function check({ limit, window, burst }: LimitRule): void {
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= MOST_UNITS))
    throw new RangeError(`a limit is a whole number from 1 to ${MOST_UNITS}, not ${limit}`);
  if (!(window >= 1 && Number.isFinite(window))) throw new RangeError(`a window of ${window} ms is none`);
  if (!(Number.isInteger(burst) && burst >= 0 && burst <= MOST_UNITS))
    throw new RangeError(`a burst is a whole number from 0 to ${MOST_UNITS}, not ${burst}`);
}
