import { z } from "zod";
import type { Reply } from "../lib/reply.ts";
import { type CustomReply, type CustomReplyInput, customReply } from "../pipeline/custom-reply.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { PolicyEnv } from "../pipeline/policy.ts";
import { compileExchangeExpression } from "./exchange-expression.ts";
import { expressionOption, type KeyShape, keyOptions } from "./limit-key.ts";

/** Options that all policies have which refuse by a count. */
export interface CountingShape extends KeyShape {
  readonly scope: z.ZodOptional<z.ZodType<string, string>>;
  readonly store: z.ZodDefault<z.ZodType<string, string>>;
  readonly dryRun: z.ZodDefault<z.ZodType<boolean, boolean>>;
  readonly reply: z.ZodOptional<z.ZodType<CustomReply, CustomReplyInput>>;
}

/** Options that all policies have which refuse by a count. */
export const countingOptions: CountingShape = {
  ...keyOptions,
  scope: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe(
      "Policies with the same scope and key count together, wherever they stand (default: each place for itself).",
    ),
  store: z
    .string()
    .min(1)
    .default("local")
    .describe("Where it is counted: local (default), the memory of this gateway, or a store of the config."),
  dryRun: z
    .boolean()
    .default(false)
    .describe("Counts and tells the log, but refuses nobody (default false)."),
  reply: customReply
    .optional()
    .describe("How a refusal looks (default: a problem document with the reason)."),
};

const cost = z
  .union([z.int().min(0).max(1_000_000_000), expressionOption("number")])
  .meta({ title: "a number, or a CEL expression" });

/** Units that an answer adds: what one of its fields says, or what an expression gives. */
export type ResponseCost = { readonly header: string } | { readonly expression: string };

type Fields = "ietf" | "x" | "both" | "none";
type StoreFailure = "allow" | "deny" | "local";

/** Options of the policies that take units of requests. */
export interface TakingShape extends CountingShape {
  readonly cost: z.ZodDefault<z.ZodType<number | string, number | string>>;
  readonly responseCost: z.ZodOptional<z.ZodType<ResponseCost, ResponseCost>>;
  readonly headers: z.ZodDefault<z.ZodType<Fields, Fields>>;
  readonly onStoreFailure: z.ZodDefault<z.ZodType<StoreFailure, StoreFailure>>;
}

/** Options of the policies that take units of requests. */
export const takingOptions: TakingShape = {
  ...countingOptions,
  cost: cost
    .default(1)
    .describe(
      "Units that a request costs: a number (default 1) or a CEL expression; 0: it is only asked whether any are left.",
    ),
  responseCost: z
    .union([
      z.strictObject({ header: z.string().min(1).describe("Field of the answer that holds the number.") }),
      z.strictObject({
        expression: expressionOption("number", true).describe("A CEL expression that may ask the response."),
      }),
    ])
    .meta({ title: "a cost" })
    .optional()
    .describe(
      'Units that the service\'s answer adds, past the bound too: { header: x-cost } or { expression: "…" } (default: none).',
    ),
  headers: z
    .enum(["ietf", "x", "both", "none"])
    .default("ietf")
    .describe(
      "Fields that tell clients how they stand: RateLimit and RateLimit-Policy (ietf, default), X-RateLimit-*, both or none.",
    ),
  onStoreFailure: z
    .enum(["allow", "deny", "local"])
    .default("local")
    .describe(
      "Where the store cannot be asked in time: it is counted in this gateway meanwhile (local, default), or requests are let through, or refused with 503.",
    ),
};

/** What a request costs, as a whole number; throws an Error where an expression fails. */
export function compileCost(option: number | string): (x: Exchange) => number {
  if (typeof option === "number") return () => option;
  const run = compileExchangeExpression(option, "number");
  return (x) => whole(run(x));
}

/** What an answer adds; nothing where it does not say, or nothing that is a number. */
export function compileResponseCost(
  option: ResponseCost | undefined,
): ((x: Exchange, reply: Reply) => number) | undefined {
  if (option === undefined) return undefined;
  if ("header" in option) return (_x, reply) => whole(Number(reply.fields.get(option.header) ?? 0), 0);
  const run = compileExchangeExpression(option.expression, "number", true);
  return (x, reply) => {
    try {
      return whole(run(x, reply), 0);
    } catch {
      return 0;
    }
  };
}

const MOST = 1_000_000_000;

/** A whole number from 0, rounded up. Throws an Error for what is none, where nothing stands for it. */
function whole(value: number, instead?: number): number {
  if (value >= 0) return Math.min(MOST, Math.ceil(value));
  if (instead !== undefined) return instead;
  throw new Error(`a cost is a number from 0, not ${value}`);
}

/** Tells the log how many would have been refused, once a second. */
export function dryLog(policy: string, { place, clock, tell }: PolicyEnv): () => undefined {
  let told = Number.NEGATIVE_INFINITY;
  let count = 0;
  return () => {
    count++;
    const time = clock.now();
    if (time - told < 1_000) return undefined;
    told = time;
    tell(`${policy} (${place}): dry run: ${count} more would have been refused`);
    count = 0;
    return undefined;
  };
}
