import { z } from "zod";
import { compileClaim, wordsOf } from "../pipeline/claim.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";

/** What a scope may be made of (RFC 6749 §3.3); quotes and backslashes would break the challenge. */
const scope = z
  .string()
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, "not a scope; write it without spaces and quotes");

/** Where tokens say what they are good for; the first that is there counts. */
const USUAL: readonly string[] = ["scope", "scp"];

/** Lets requests pass whose token was issued for what the route asks. */
export const scopes: PolicyDefinition = definePolicy({
  name: "scopes",
  phase: "authorize",
  options: z
    .strictObject({
      all: z.array(scope).default([]).describe("Scopes that the token must all have (default: none)."),
      any: z.array(scope).default([]).describe("Scopes of which it must have one (default: none)."),
      claim: z
        .string()
        .min(1)
        .optional()
        .describe(
          "Claim that lists the token's scopes, with dots for claims below another (default: scope, or else scp).",
        ),
    })
    .superRefine(({ all, any }, context) => {
      if (all.length === 0 && any.length === 0)
        context.addIssue({ code: "custom", message: "asks for no scope; write all, any or both" });
    }),
  reasons: {
    scope_missing: {
      status: 403,
      source: "downstream",
      title: "The token was not issued for what this route asks.",
    },
  },
  compile({ all, any, claim }) {
    const readers = (claim === undefined ? USUAL : [claim]).map(compileClaim);
    const wanted = [...all, ...any].join(" ");
    // RFC 6750 §3.1.
    const challenge = `Bearer error="insufficient_scope", scope="${wanted}"`;
    const found = ({ claims = {} }: Exchange): readonly string[] => {
      for (const read of readers) {
        const value = read(claims);
        if (value !== undefined) return wordsOf(value);
      }
      return [];
    };
    return (x) => {
      const has = found(x);
      const fits =
        all.every((one) => has.includes(one)) && (any.length === 0 || any.some((one) => has.includes(one)));
      if (fits) return undefined;
      const reply = x.reject("scope_missing");
      reply.fields.set("www-authenticate", challenge);
      return reply;
    };
  },
});
