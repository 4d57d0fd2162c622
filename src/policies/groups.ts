import { z } from "zod";
import { compileClaim, wordsOf } from "../pipeline/claim.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";

const names = z.array(z.string().min(1));

/** Lets consumers pass by the groups that they belong to. */
export const groups: PolicyDefinition = definePolicy({
  name: "groups",
  phase: "authorize",
  options: z
    .strictObject({
      allow: names
        .optional()
        .describe("Groups of which one must be the caller's (default: every caller that is known may ask)."),
      deny: names
        .default([])
        .describe("Groups whose members may not ask, even where another of theirs may (default: none)."),
      claim: z
        .string()
        .min(1)
        .optional()
        .describe(
          "Claim that names more of the caller's groups or roles, with dots for claims below another: realm_access.roles (default: only those of the consumer).",
        ),
    })
    .superRefine(({ allow, deny }, context) => {
      if (allow === undefined && deny.length === 0)
        context.addIssue({ code: "custom", message: "names no group; write allow, deny or both" });
    }),
  reasons: {
    group_denied: { status: 403, source: "downstream", title: "The caller's groups may not ask here." },
  },
  compile({ allow, deny, claim }) {
    const allowed = allow && new Set(allow);
    const denied = new Set(deny);
    const read = claim === undefined ? undefined : compileClaim(claim);
    const of = ({ consumer, claims = {} }: Exchange): readonly string[] => {
      const own = consumer?.groups ?? [];
      return read === undefined ? own : [...own, ...wordsOf(read(claims))];
    };
    return (x) => {
      // Of a caller that nobody knows it cannot be said that it belongs to no denied group.
      if (x.consumer === undefined && x.claims === undefined) return x.reject("group_denied");
      const has = of(x);
      const fits =
        (allowed === undefined || has.some((one) => allowed.has(one))) && !has.some((one) => denied.has(one));
      return fits ? undefined : x.reject("group_denied");
    };
  },
});
