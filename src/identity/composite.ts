import { z } from "zod";
import { Reply } from "../lib/reply.ts";
import type { Authenticator } from "../pipeline/authenticator.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { BodyNeeds, ResponseStep, Verdict } from "../pipeline/policy.ts";

/** A policy that stands in another: its name, and its options. */
export type InnerEntry = Readonly<Record<string, unknown>>;

/** What a policy holds that says no number. */
const BODY_MAX = 1_048_576;

/** Options that stand on the policy that has others inside, not on those. */
const OF_THE_WHOLE = ["optional", "anonymous", "keepCredential"];

const entry = z
  .custom<InnerEntry>((value) => typeof value === "object" && value !== null && !Array.isArray(value), {
    error: "not a policy; write its name and options: key-auth: {}",
  })
  .meta({ title: "a policy", examples: [{ "key-auth": {} }] });

/** The policies that stand in another one, as written. */
export const methods: z.ZodType<InnerEntry[]> = z
  .array(entry)
  .min(1)
  .superRefine((entries, context) => {
    for (const [i, inner] of entries.entries())
      for (const [name, options] of Object.entries(inner))
        for (const key of OF_THE_WHOLE)
          if (typeof options === "object" && options !== null && Object.hasOwn(options, key))
            context.addIssue({
              code: "custom",
              path: [i, name, key],
              message: `stands on the policy that has others inside; write ${key} beside methods`,
            });
  });

/** What several ways of asking do beside asking, together. */
export function together(
  ways: readonly Authenticator[],
): Pick<Authenticator, "cleanse" | "hide" | "body" | "response" | "log" | "close" | "readsBody"> {
  const cleanse = ways.flatMap((way) => way.cleanse ?? []);
  const hide = ways.flatMap((way) => way.hide ?? []);
  const response = ways.flatMap((way) => way.response ?? []);
  const log = ways.flatMap((way) => way.log ?? []);
  const close = ways.flatMap((way) => way.close ?? []);
  const bodies = ways.flatMap((way) => way.body ?? []);
  return {
    ...(bodies.length > 0 && { body: bodyOf(bodies) }),
    ...(ways.some((way) => way.readsBody === true) && { readsBody: true }),
    ...(cleanse.length > 0 && { cleanse: inTurn(cleanse) }),
    ...(hide.length > 0 && { hide: inTurn(hide) }),
    ...(response.length > 0 && { response: inReverse(response) }),
    ...(log.length > 0 && { log: inTurn(log) }),
    ...(close.length > 0 && {
      close: () => {
        for (const fn of close) fn();
      },
    }),
  };
}

/** Held whole, and at most as long as the strictest of them allows. */
function bodyOf(bodies: readonly BodyNeeds[]): BodyNeeds {
  return { request: "buffer", max: Math.min(...bodies.map(({ max = BODY_MAX }) => max)) };
}

function inTurn(fns: readonly ((x: Exchange) => void)[]): (x: Exchange) => void {
  const [first, ...more] = fns;
  if (more.length === 0) return first!;
  return (x) => {
    for (const fn of fns) fn(x);
  };
}

/** As steps of answers run: the last one first; a reply takes the place of the one before. */
function inReverse(steps: readonly ResponseStep[]): ResponseStep {
  const [first, ...more] = steps;
  if (more.length === 0) return first!;
  const order = steps.toReversed();
  const run = (x: Exchange, reply: Reply, from: number, made: Verdict): Verdict | Promise<Verdict> => {
    let last = made;
    for (let i = from; i < order.length; i++) {
      const said = order[i]!(x, last ?? reply);
      if (said instanceof Reply) last = said;
      else if (said !== undefined) return said.then((late) => run(x, reply, i + 1, late ?? last));
    }
    return last;
  };
  return (x, reply) => run(x, reply, 0, undefined);
}

/** One WWW-Authenticate for several challenges (RFC 9110 §11.6.1); undefined for none. */
export function challengesOf(challenges: readonly (string | undefined)[]): string | undefined {
  const all = new Set(challenges.filter((one) => one !== undefined));
  return all.size === 0 ? undefined : [...all].join(", ");
}
