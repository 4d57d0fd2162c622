import { z } from "zod";
import { Failing } from "../identity/failing.ts";
import { compileCustomReply, customReply } from "../pipeline/custom-reply.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { definePolicy, type PolicyDefinition, type PolicyEnv } from "../pipeline/policy.ts";
import { compileExchangeExpression, EXPRESSION_VARIABLES } from "../routing/exchange-expression.ts";

const condition = z
  .string()
  .superRefine((text, context) => {
    try {
      compileExchangeExpression(text, "bool");
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
    }
  })
  .meta({ title: "a CEL expression", examples: ['consumer.name == "ada"'] });

/** True, false, or that it could not be evaluated, which was logged. */
type Rule = (x: Exchange) => boolean | undefined;

/** Lets requests pass by conditions of one's own. */
export const expression: PolicyDefinition = definePolicy({
  name: "expression",
  phase: "authorize",
  options: z
    .strictObject({
      allow: z
        .array(condition)
        .default([])
        .describe(
          `CEL expressions over ${EXPRESSION_VARIABLES}, of which one must be true (default: every request that none of deny is true of).`,
        ),
      deny: z
        .array(condition)
        .default([])
        .describe(
          "CEL expressions of which none may be true; one that cannot be evaluated refuses as well (default: none).",
        ),
      reply: customReply
        .optional()
        .describe("How a refusal looks (default: a problem document with the reason)."),
    })
    .superRefine(({ allow, deny }, context) => {
      if (allow.length === 0 && deny.length === 0)
        context.addIssue({ code: "custom", message: "has no expression; write allow, deny or both" });
    }),
  reasons: {
    expression_denied: {
      status: 403,
      source: "downstream",
      title: "The rules of this route do not allow the request.",
    },
    expression_failed: {
      status: 403,
      source: "gateway",
      title: "A rule of this route could not be evaluated for the request.",
    },
  },
  compile({ allow, deny, reply }, env) {
    const allowed = allow.map((text, i) => compileRule(text, `allow[${i}]`, env));
    const denied = deny.map((text, i) => compileRule(text, `deny[${i}]`, env));
    const shape = compileCustomReply(reply);
    return (x) => {
      const verdict = verdictOf(x, allowed, denied);
      return verdict === undefined ? undefined : shape(x, x.reject(verdict));
    };
  },
});

/** The reason to refuse; undefined where the request may pass. */
function verdictOf(x: Exchange, allow: readonly Rule[], deny: readonly Rule[]): string | undefined {
  for (const rule of deny) {
    const found = rule(x);
    if (found !== false) return found === true ? "expression_denied" : "expression_failed";
  }
  if (allow.length === 0) return undefined;
  let failed = false;
  for (const rule of allow) {
    const found = rule(x);
    if (found === true) return undefined;
    failed ||= found === undefined;
  }
  return failed ? "expression_failed" : "expression_denied";
}

function compileRule(text: string, place: string, env: PolicyEnv): Rule {
  const run = compileExchangeExpression(text, "bool");
  const failing = new Failing(
    env,
    `${env.owner}: expression ${place} refuses requests, it cannot be evaluated`,
  );
  return (x) => {
    try {
      return run(x);
    } catch (error) {
      failing.begun(error);
      return undefined;
    }
  };
}
