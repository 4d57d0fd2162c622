import { show } from "./compare.ts";
import type { Input } from "./reading.ts";

const EXAMPLES = 3;

/** How often something happened, and the first inputs that showed it. */
export interface Count {
  number: number;
  readonly examples: string[];
}

type Kind = "classes" | "refused" | "refusedWellFormed" | "allowed" | "mutations" | "findings";

/** What many inputs showed. */
export class Tally {
  inputs = 0;
  messages = 0;
  splits = 0;
  /** By what became of an input: every input is counted once. */
  readonly classes: Map<string, Count> = new Map();
  /** Inputs that we refuse and llhttp takes, by our reason. */
  readonly refused: Map<string, Count> = new Map();
  /** The same, of those that are well-formed by the letter. */
  readonly refusedWellFormed: Map<string, Count> = new Map();
  /** Differences that are in order. */
  readonly allowed: Map<string, Count> = new Map();
  /** What was done to the inputs. */
  readonly mutations: Map<string, Count> = new Map();
  /** Anything here is a defect. */
  readonly findings: Map<string, Count> = new Map();

  /** Notes that an input belongs to this name. */
  count(kind: Kind, name: string, { bytes, method }: Input, detail = ""): void {
    const there = this[kind].get(name) ?? { number: 0, examples: [] };
    this[kind].set(name, there);
    there.number++;
    if (there.examples.length < EXAMPLES)
      there.examples.push(`${detail}\n    ${method} ${show(bytes.latin1Slice(0, bytes.length), 2_000)}`);
  }

  get failed(): boolean {
    return this.findings.size > 0;
  }
}

/** Names with their counts, the most frequent first. */
export function sorted(counts: ReadonlyMap<string, Count>): [string, Count][] {
  return [...counts].sort(([, a], [, b]) => b.number - a.number);
}

/** Every defect with its first inputs; empty when there is none. */
export function findingsText({ findings }: Tally): string {
  return sorted(findings)
    .map(([name, { number, examples }]) => [`\n${name}: ${number}`, ...examples].join("\n  "))
    .join("\n");
}
