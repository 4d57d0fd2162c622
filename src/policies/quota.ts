import { z } from "zod";
import { type CalendarUnit, calendarWindows, GREATEST, isTimeZone } from "../lib/calendar.ts";
import { compileCustomReply } from "../pipeline/custom-reply.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { LIMITING_REASONS, limitingSteps, type NamedLimiter, seconds } from "../pipeline/limiting.ts";
import type { LimitDecision } from "../pipeline/limits.ts";
import { definePolicy, type PolicyDefinition, type PolicyEnv } from "../pipeline/policy.ts";
import { compileKey } from "../routing/limit-key.ts";
import { compileCost, compileResponseCost, dryLog, takingOptions } from "../routing/limit-options.ts";
import { quoted } from "../routing/limit-rules.ts";

const UNITS = ["hour", "day", "week", "month", "year"] as const;
const count = z.int().min(1).max(0xffff_fffe);

const options = z.strictObject({
  limit: count.describe("Units of each window."),
  per: z
    .enum(UNITS)
    .default("month")
    .describe("The window, by the calendar: hour, day, week (from Monday), month (default) or year."),
  timeZone: z
    .string()
    .refine(isTimeZone, { message: "not a time zone; write a name such as Europe/Berlin" })
    .default("UTC")
    .describe("Where the calendar's days begin: Europe/Berlin (default UTC)."),
  tiers: z
    .record(z.string().min(1), count)
    .optional()
    .describe("Other limits for groups of consumers; the first that fits, in written order (default: none)."),
  name: z
    .string()
    .regex(/^[\x20-\x7e]{1,64}$/, "printable ASCII, at most 64 characters")
    .optional()
    .describe("Name of the quota in the RateLimit fields (default: quota-month)."),
  ...takingOptions,
});

type Options = z.output<typeof options>;

/** Bounds what consumers take in a day, a week or a month of the calendar; counts go on after a restart. */
export const quota: PolicyDefinition = definePolicy({
  name: "quota",
  phase: "limit",
  options,
  reasons: {
    quota_exceeded: {
      status: 429,
      source: "downstream",
      title: "The quota of this time is used up.",
      grpc: 8,
    },
    quota_key_missing: LIMITING_REASONS.limit_key_missing,
    quota_store_down: LIMITING_REASONS.limit_store_down,
  },
  compile(given, env) {
    const custom = compileCustomReply(given.reply);
    return limitingSteps({
      key: compileKey(given),
      limiter: limiterOf(given, env),
      cost: compileCost(given.cost),
      costAfter: compileResponseCost(given.responseCost),
      fields: given.headers,
      maxWait: 0,
      onStoreFailure: given.onStoreFailure,
      dry: given.dryRun ? dryLog("quota", env) : undefined,
      refuse: (x, { retryAfter }: LimitDecision) => {
        const reply = custom(x, x.reject("quota_exceeded"));
        if (Number.isFinite(retryAfter))
          reply.fields.set("retry-after", String(Math.max(1, seconds(retryAfter))));
        return reply;
      },
      slot: env.slot(),
      reasons: { keyMissing: "quota_key_missing", storeDown: "quota_store_down" },
    });
  },
});

function limiterOf(given: Options, env: PolicyEnv): (x: Exchange) => NamedLimiter {
  const { limit, tiers } = given;
  const all = named(limit, "", given, env);
  if (tiers === undefined) return () => all;
  const byTier = Object.entries(tiers).map(
    ([tier, units]) => [tier, named(units, ` tier ${tier}`, given, env)] as const,
  );
  return ({ consumer }) => {
    const groups = consumer?.groups;
    if (groups !== undefined) for (const [tier, its] of byTier) if (groups.includes(tier)) return its;
    return all;
  };
}

function named(
  limit: number,
  tier: string,
  { per, timeZone, scope, store, onStoreFailure, name = `quota-${per}` }: Options,
  env: PolicyEnv,
): NamedLimiter {
  const window = GREATEST[per as CalendarUnit];
  const calendar = calendarWindows(per as CalendarUnit, timeZone);
  const rules = [{ algorithm: "fixed", limit, window, burst: 0, calendar }] as const;
  const space = `${scope === undefined ? env.place : `scope ${scope}`} ${timeZone}${tier}`;
  const label = quoted(name);
  return {
    limiter: env.limiter(store, space, rules),
    instead: store !== "local" && onStoreFailure === "local" ? env.limiter("local", space, rules) : undefined,
    names: [label],
    policy: `${label};q=${limit};w=${seconds(window)}`,
  };
}
