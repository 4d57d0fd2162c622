import type { z } from "zod";
import type { Hints, Wanted } from "./hints.ts";
import { suggestion } from "./nearest.ts";

type Issue = z.core.$ZodIssue;

/** What is wrong with a value at a path below the one that was checked, and what to do about it. */
export interface DescribedIssue {
  readonly path: readonly PropertyKey[];
  readonly reason: string;
  readonly cure: string;
  /** Whether it is the key that is wrong, or what stands behind it. */
  readonly part: "value" | "key";
}

/** Says in our words what a schema has against a value. `hints` are of that schema. */
export function describeIssues(issues: readonly Issue[], value: unknown, hints: Hints): DescribedIssue[] {
  return new Describer(value, hints).all(issues, []);
}

class Describer {
  readonly #value: unknown;
  readonly #hints: Hints;

  constructor(value: unknown, hints: Hints) {
    this.#value = value;
    this.#hints = hints;
  }

  all(issues: readonly Issue[], base: readonly PropertyKey[]): DescribedIssue[] {
    const described = issues.flatMap((issue) => this.#one(issue, [...base, ...issue.path]));
    // Who writes `nmae` has not forgotten `name` besides.
    const meant = new Set(
      described.flatMap(({ path, part, cure }) =>
        part === "key" ? [[...path.slice(0, -1), MEANT.exec(cure)?.[1]].join("\0")] : [],
      ),
    );
    return described.filter(({ path, reason }) => reason !== MISSING || !meant.has(path.join("\0")));
  }

  #one(issue: Issue, path: readonly PropertyKey[]): DescribedIssue[] {
    const value = this.#at(path);
    const wanted = this.#hints.wanted(path);
    switch (issue.code) {
      case "unrecognized_keys":
        return issue.keys.map((key) => this.#unknown([...path, key], path));
      case "invalid_key":
        return [
          {
            path,
            part: "key",
            ...split(
              issue.issues[0]?.message ?? "",
              "is not a name that is allowed here",
              "choose another name",
            ),
          },
        ];
      case "invalid_union":
        return this.#union(issue.errors, issue.message, path, value, wanted);
      case "invalid_type":
      case "invalid_value":
      case "too_small":
      case "too_big":
      case "not_multiple_of":
        if (value === undefined)
          return [{ path, part: "value", reason: MISSING, cure: toWrite(path, wanted) }];
        return [
          {
            path,
            part: "value",
            ...split(issue.message, wrong(value, wanted, issue.code), cureOf(value, path, wanted)),
          },
        ];
      default:
        return [
          {
            path,
            part: "value",
            ...split(issue.message, wrong(value, wanted, issue.code), cureOf(value, path, wanted)),
          },
        ];
    }
  }

  #unknown(path: readonly PropertyKey[], map: readonly PropertyKey[]): DescribedIssue {
    const known = this.#hints.keys(map);
    const near = suggestion(String(path.at(-1)), known);
    const cure =
      near !== undefined
        ? `did you mean ${near}?`
        : known.length > 0
          ? `remove it; known here: ${known.join(", ")}`
          : "remove it";
    return { path, part: "key", reason: "is not known here", cure };
  }

  /** The branch that was meant is the one whose kind fits; where none fits, all are named. */
  #union(
    branches: readonly (readonly Issue[])[],
    message: string,
    path: readonly PropertyKey[],
    value: unknown,
    wanted: Wanted | undefined,
  ): DescribedIssue[] {
    const fitting = branches
      .filter((issues) => !issues.some(isOtherKind))
      .map((issues) => this.all(issues, path));
    const [best] = fitting.sort((a, b) => a.length - b.length || near(b) - near(a));
    if (best !== undefined && best.length > 0) return best;
    if (value === undefined) return [{ path, part: "value", reason: MISSING, cure: toWrite(path, wanted) }];
    return [
      {
        path,
        part: "value",
        ...split(message, wrong(value, wanted, "invalid_type"), cureOf(value, path, wanted)),
      },
    ];
  }

  #at(path: readonly PropertyKey[]): unknown {
    let value = this.#value;
    for (const key of path) {
      if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
      value = (value as Record<PropertyKey, unknown>)[key];
    }
    return value;
  }
}

const MISSING = "is missing";
const MEANT = /^did you mean (.*)\?$/;

function near(issues: readonly DescribedIssue[]): number {
  return issues.filter(({ cure }) => MEANT.test(cure)).length;
}

/** Whether a value is of another kind than a branch wants, as a whole. */
function isOtherKind(issue: Issue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === "invalid_union") return issue.errors.every((issues) => issues.some(isOtherKind));
  return issue.code === "invalid_type" || issue.code === "invalid_value";
}

/** A message of ours is "what is wrong; what to write"; one of the library is not shown. */
function split(message: string, reason: string, cure: string): { reason: string; cure: string } {
  if (
    message === "" ||
    /^(?:Invalid|Too |Unrecognized|Expected|Required|Number must|String must)/.test(message)
  )
    return { reason, cure };
  const [what = "", ...then] = message.split("; ");
  return {
    reason: what,
    cure: then.length > 0 ? then.join("; ") : cure === "write text" ? "write another text" : cure,
  };
}

function wrong(value: unknown, wanted: Wanted | undefined, code: string): string {
  if (value === null) return "is empty";
  if (Array.isArray(value) && value.length === 0 && code === "too_small") return "is an empty list";
  if (value === "") return "is empty text";
  return wanted === undefined ? `may not be ${said(value)}` : `is ${said(value)}, not ${wanted.words}`;
}

function cureOf(value: unknown, path: readonly PropertyKey[], wanted: Wanted | undefined): string {
  const words = wanted?.words ?? "";
  if (typeof value === "string" && words.includes("true or false")) {
    if (/^(?:on|yes|y)$/i.test(value)) return "write true";
    if (/^(?:off|no|n)$/i.test(value)) return "write false";
  }
  if ((typeof value === "number" || typeof value === "boolean") && /\btext\b/.test(words))
    return `put it in quotes: "${value}"`;
  if (typeof value === "string" && /number/.test(words) && /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/.test(value))
    return `write it without quotes: ${value}`;
  return toWrite(path, wanted);
}

function toWrite(path: readonly PropertyKey[], wanted: Wanted | undefined): string {
  if (wanted === undefined) return "write another value, or remove it";
  const key = path.at(-1);
  if (wanted.example === undefined || wanted.example === wanted.words) return `write ${wanted.words}`;
  return `write ${wanted.words}: ${typeof key === "string" ? `${key}: ` : ""}${wanted.example}`;
}

/** A value in a sentence. */
function said(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a map";
  if (typeof value !== "string") return String(value);
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}…` : value);
}
