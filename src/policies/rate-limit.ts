import { z } from "zod";
import { duration } from "../config/values.ts";
import { compileCustomReply } from "../pipeline/custom-reply.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { LIMITING_REASONS, limitingSteps, type NamedLimiter, seconds } from "../pipeline/limiting.ts";
import type { LimitDecision, LimitRule } from "../pipeline/limits.ts";
import { definePolicy, type PolicyDefinition, type PolicyEnv } from "../pipeline/policy.ts";
import { compileExchangeExpression } from "../routing/exchange-expression.ts";
import { compileKey, expressionOption } from "../routing/limit-key.ts";
import { compileCost, compileResponseCost, dryLog, takingOptions } from "../routing/limit-options.ts";
import {
  algorithmOption,
  type CompiledLimit,
  compileLimits,
  limitList,
  quoted,
} from "../routing/limit-rules.ts";

/** Longer no client waits, and no timer knows how to. */
const HOUR = 3_600_000;

const options = z
  .strictObject({
    limit: limitList.describe(
      "What is allowed: 100/1m, or { units, per, algorithm, burst }; of a list each holds.",
    ),
    algorithm: algorithmOption,
    tiers: z
      .record(z.string().min(1), limitList)
      .optional()
      .describe("Other limits for some, by tier; the first that fits, in written order (default: none)."),
    tierBy: z
      .union([
        z.literal("group"),
        z.strictObject({ metadata: z.string().min(1).describe("Key of the consumer's metadata.") }),
        z.strictObject({ expression: expressionOption("string").describe("A CEL expression.") }),
      ])
      .meta({ title: "a tier's origin" })
      .default("group")
      .describe(
        'What names the tier: a group of the consumer (group, default), { metadata: plan }, or { expression: "…" }.',
      ),
    ...takingOptions,
    gateways: z
      .int()
      .min(1)
      .max(10_000)
      .default(1)
      .describe(
        "Gateways among which a balancer before them shares requests evenly: counted locally, each has its part of every limit (default 1).",
      ),
    maxWait: duration
      .refine((wait) => wait <= HOUR, { message: "is 1h at most" })
      .default(5_000)
      .describe("How long a leaky bucket may make a request wait (default 5s); less than policyTimeout."),
  })
  .superRefine(({ tiers, tierBy }, context) => {
    if (tiers === undefined && tierBy !== "group")
      context.addIssue({ code: "custom", path: ["tierBy"], message: "names tiers, and there are none" });
  });

type Options = z.output<typeof options>;

/** Bounds how often requests come: by client, consumer, or whatever else they have in common. */
export const rateLimit: PolicyDefinition = definePolicy({
  name: "rate-limit",
  phase: "limit",
  options,
  reasons: {
    rate_limited: {
      status: 429,
      source: "downstream",
      title: "Too many requests have come; see Retry-After.",
      grpc: 8,
    },
    ...LIMITING_REASONS,
  },
  compile(given, env) {
    const { key, limiter } = { key: compileKey(given), limiter: limiterOf(given, env) };
    const { cost, responseCost, headers, maxWait, onStoreFailure, dryRun } = given;
    const custom = compileCustomReply(given.reply);
    return limitingSteps({
      key,
      limiter,
      cost: compileCost(cost),
      costAfter: compileResponseCost(responseCost),
      fields: headers,
      maxWait,
      onStoreFailure,
      dry: dryRun ? dryLog("rate-limit", env) : undefined,
      refuse: (x, { retryAfter }: LimitDecision) => {
        const reply = custom(x, x.reject("rate_limited"));
        if (Number.isFinite(retryAfter))
          reply.fields.set("retry-after", String(Math.max(1, seconds(retryAfter))));
        return reply;
      },
      slot: env.slot(),
    });
  },
});

/** Limiters of computed limits that are kept at once; past it, an expression gives what nobody bounds. */
const COMPUTED = 10_000;

/** The limiter of an exchange: its tier's, or the one for all others. */
function limiterOf(given: Options, env: PolicyEnv): (x: Exchange) => NamedLimiter {
  const { limit, tiers, tierBy, algorithm, scope } = given;
  const space = scope === undefined ? env.place : `scope ${scope}`;
  const all = limiterFrom(compileLimits(limit, algorithm), space, given, env);
  if (tiers === undefined) return all;
  const byTier = new Map(
    Object.entries(tiers).map(([tier, limits]) => [
      tier,
      limiterFrom(compileLimits(limits, algorithm), `${space} tier ${tier}`, given, env),
    ]),
  );
  if (tierBy === "group") {
    const names = [...byTier.keys()];
    return (x) => {
      const groups = x.consumer?.groups;
      const tier = groups && names.find((name) => groups.includes(name));
      return ((tier !== undefined && byTier.get(tier)) || all)(x);
    };
  }
  const tierOf = "metadata" in tierBy ? metadataReader(tierBy.metadata) : expressionReader(tierBy.expression);
  return (x) => (byTier.get(tierOf(x)) ?? all)(x);
}

function metadataReader(name: string): (x: Exchange) => string {
  return ({ consumer }) => {
    const { metadata } = consumer ?? {};
    return metadata !== undefined && Object.hasOwn(metadata, name) ? String(metadata[name]) : "";
  };
}

function expressionReader(text: string): (x: Exchange) => string {
  return compileExchangeExpression(text, "string");
}

function limiterFrom(
  limits: readonly CompiledLimit[],
  space: string,
  given: Options,
  env: PolicyEnv,
): (x: Exchange) => NamedLimiter {
  const make = (rules: readonly LimitRule[]): NamedLimiter => named(limits, rules, space, given, env);
  const fixed = make(limits.map(({ rule }) => rule()));
  if (limits.every(({ units }) => units === undefined)) return () => fixed;
  const known = new Map<string, NamedLimiter>();
  return (x) => {
    const counts = limits.map(({ units }) => units?.(x));
    const name = counts.join(" ");
    let found = known.get(name);
    if (found !== undefined) return found;
    if (known.size >= COMPUTED) throw new Error("the limit's expression gives too many different limits");
    found = make(limits.map(({ rule }, i) => rule(counts[i])));
    known.set(name, found);
    return found;
  };
}

function named(
  limits: readonly CompiledLimit[],
  whole: readonly LimitRule[],
  space: string,
  { store, onStoreFailure, gateways }: Options,
  env: PolicyEnv,
): NamedLimiter {
  const names = limits.map(({ name }) => quoted(name));
  const parts = whole.map((rule) => partOf(rule, gateways));
  const rules = store === "local" ? parts : whole;
  return {
    limiter: env.limiter(store, space, rules),
    instead: store !== "local" && onStoreFailure === "local" ? env.limiter("local", space, parts) : undefined,
    names,
    policy: rules.map(({ limit, window }, i) => `${names[i]};q=${limit};w=${seconds(window)}`).join(", "),
  };
}

/** What one of several gateways may let through of a bound: rounded down, so that all together keep to it. */
function partOf(rule: LimitRule, gateways: number): LimitRule {
  if (gateways === 1) return rule;
  const limit = Math.floor(rule.limit / gateways);
  if (limit < 1) throw new Error(`a limit of ${rule.limit} cannot be shared among ${gateways} gateways`);
  const burst = Math.floor(rule.burst / gateways);
  return { ...rule, limit, burst: rule.algorithm === "token-bucket" ? Math.max(1, burst) : burst };
}
