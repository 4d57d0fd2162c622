import { z } from "zod";
import { duration } from "../config/values.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { LimitAlgorithm, LimitRule } from "../pipeline/limits.ts";
import { compileExchangeExpression } from "./exchange-expression.ts";
import { expressionOption } from "./limit-key.ts";

const ALGORITHMS = ["sliding", "fixed", "token-bucket", "leaky-bucket"] as const;
const MOST = 0xffff_fffe;
const YEAR = 366 * 86_400_000;

const algorithm = z.enum(ALGORITHMS);
const units = z.int().min(1).max(MOST);

const SHORT = /^([0-9]{1,10})\/([0-9]+(?:\.[0-9]+)?)?(ms|s|m|h|d)$/;

const short = z
  .string()
  .refine((text) => SHORT.test(text) && ruleOfText(text) !== undefined, {
    message: "not a limit; write units and a time: 100/1m",
  })
  .meta({ title: "a limit", examples: ["100/1m"] });

/** A bound as it is written with its parts. */
export interface LongLimit {
  readonly units: number | string;
  readonly per: number;
  readonly algorithm?: LimitAlgorithm | undefined;
  readonly burst?: number | undefined;
  readonly name?: string | undefined;
}

/** A bound as a config writes it. */
export type LimitInput = string | (Omit<LongLimit, "per"> & { readonly per: string | number });

const long = z.strictObject({
  units: z
    .union([units, expressionOption("number")])
    .meta({ title: "a number from 1, or a CEL expression" })
    .describe("Units that a window has: a number, or a CEL expression that gives one for each request."),
  per: duration
    .refine((window) => window >= 10 && window <= YEAR, { message: "is from 10ms to 366d" })
    .describe("Length of the window: 1s, 1m, 1h."),
  algorithm: algorithm.optional().describe("How it is counted (default: the policy's algorithm)."),
  burst: units
    .optional()
    .describe(
      "Of a token bucket: units that are saved at most (default: all of a window); of a leaky bucket: those that wait (default: none).",
    ),
  name: z
    .string()
    .regex(/^[\x20-\x7e]{1,64}$/, "printable ASCII, at most 64 characters")
    .optional()
    .describe("Name of the limit in the RateLimit fields (default: as 100/1m)."),
});

/** A bound as it is written. */
export type WrittenLimit = string | LongLimit;

/** One limit, or several at once. */
export const limitList: z.ZodType<
  WrittenLimit | readonly WrittenLimit[],
  LimitInput | readonly LimitInput[]
> = z
  .union([
    short,
    long,
    z
      .array(z.union([short, long]))
      .min(1)
      .max(8),
  ])
  .meta({
    title: "a limit such as 100/1m, or a list of them",
    examples: ["100/1m"],
  }) as unknown as typeof limitList;

/** The algorithm of limits that name none. */
export const algorithmOption: z.ZodDefault<z.ZodType<LimitAlgorithm, LimitAlgorithm>> = algorithm
  .default("sliding")
  .describe(
    "How limits are counted that do not say: sliding (default; in any window), fixed, token-bucket, or leaky-bucket (requests wait for their turn).",
  );

/** A bound whose units may depend on the request. */
export interface CompiledLimit {
  readonly name: string;
  /** The rule for so many units; undefined for the rule as it is written. */
  rule(units?: number): LimitRule;
  /** Its units for one request; undefined where they are fixed. */
  readonly units: ((x: Exchange) => number) | undefined;
}

/** Compiles bounds as they are written. */
export function compileLimits(
  written: WrittenLimit | readonly WrittenLimit[],
  byDefault: LimitAlgorithm,
): CompiledLimit[] {
  return ([written].flat() as WrittenLimit[]).map((one) => compileLimit(one, byDefault));
}

function compileLimit(written: WrittenLimit, byDefault: LimitAlgorithm): CompiledLimit {
  if (typeof written === "string") {
    const { limit, window } = ruleOfText(written)!;
    const rule = ruleOf(byDefault, limit, window, undefined);
    return { name: written, rule: () => rule, units: undefined };
  }
  const { units, per, algorithm = byDefault, burst, name } = written;
  if (typeof units === "number") {
    const rule = ruleOf(algorithm, units, per, burst);
    return { name: name ?? `${units}/${textOf(per)}`, rule: () => rule, units: undefined };
  }
  const run = compileExchangeExpression(units, "number");
  return {
    name: name ?? `per ${textOf(per)}`,
    rule: (count = 1) => ruleOf(algorithm, count, per, burst),
    units: (x) => {
      const count = Math.floor(run(x));
      if (count >= 1) return Math.min(MOST, count);
      throw new Error(`a limit is a number from 1, not ${count}`);
    },
  };
}

function ruleOf(
  algorithm: LimitAlgorithm,
  limit: number,
  window: number,
  burst: number | undefined,
): LimitRule {
  if (burst !== undefined && (algorithm === "fixed" || algorithm === "sliding"))
    throw new Error("burst is of buckets: write algorithm: token-bucket or leaky-bucket, or leave it out");
  return { algorithm, limit, window, burst: burst ?? (algorithm === "token-bucket" ? limit : 0) };
}

function ruleOfText(text: string): { limit: number; window: number } | undefined {
  const [, count, number = "1", unit] = SHORT.exec(text) ?? [];
  const limit = Number(count);
  const window = duration.safeParse(`${number}${unit}`);
  if (!window.success || limit < 1 || limit > MOST || window.data < 10 || window.data > YEAR)
    return undefined;
  return { limit, window: window.data };
}

const LENGTHS: readonly (readonly [string, number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
];

function textOf(window: number): string {
  for (const [unit, length] of LENGTHS) if (window % length === 0) return `${window / length}${unit}`;
  return `${window}ms`;
}

/** A structured field's string (RFC 9651 §3.3.3) of printable ASCII. */
export function quoted(name: string): string {
  return `"${name.replace(/[\\"]/g, "\\$&")}"`;
}
