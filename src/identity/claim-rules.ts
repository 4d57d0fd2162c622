import { z } from "zod";
import { compileClaim, ownMember, wordsOf } from "../pipeline/claim.ts";

type Scalar = string | number | boolean;

const scalar: z.ZodType<Scalar> = z.union([z.string(), z.number(), z.boolean()]);

/** What a claim must say: a value, one of several, all of several, or a text that an expression matches. */
export type ClaimCondition =
  | Scalar
  | readonly Scalar[]
  | { readonly all: readonly Scalar[] }
  | { readonly regex: string };

/** Conditions by the names of claims. */
export const claimConditions: z.ZodType<Record<string, ClaimCondition>> = z.record(
  z.string().min(1),
  z.union([
    scalar,
    z.array(scalar).min(1),
    z.strictObject({ all: z.array(scalar).min(1).describe("Values that the claim has all of.") }),
    z.strictObject({
      regex: z
        .string()
        .refine(isExpression, "not a regular expression")
        .describe("An expression that all of the text matches."),
    }),
  ]),
);

function isExpression(text: string): boolean {
  try {
    new RegExp(text, "u");
    return true;
  } catch {
    return false;
  }
}

/** Says which of its conditions claims do not meet; undefined where they meet all. */
export type ClaimCheck = (claims: Readonly<Record<string, unknown>>) => string | undefined;

/** Folds conditions into one check. A claim that is a list meets a condition when one of its members does. */
export function compileClaims(conditions: Readonly<Record<string, ClaimCondition>>): ClaimCheck {
  const checks = Object.entries(conditions).map(([name, condition]) => {
    const read = compileClaim(name);
    const holds = compileCondition(condition);
    return { name, holds: (claims: Readonly<Record<string, unknown>>) => holds(valuesOf(read(claims))) };
  });
  return (claims) => checks.find(({ holds }) => !holds(claims))?.name;
}

function compileCondition(condition: ClaimCondition): (values: readonly unknown[]) => boolean {
  if (typeof condition !== "object") return (values) => values.includes(condition);
  if (Array.isArray(condition)) return (values) => condition.some((one) => values.includes(one));
  if ("all" in condition) return (values) => condition.all.every((one) => values.includes(one));
  const expression = new RegExp(`^(?:${(condition as { regex: string }).regex})$`, "u");
  return (values) => values.some((value) => typeof value === "string" && expression.test(value));
}

/** The values of a claim: members of a list, or itself; none where it is not there. */
export function valuesOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

/** The scopes that claims grant: of `scope` (RFC 9068 §2.2.3) or `scp`, as a text with blanks or a list. */
export function scopesOf(claims: Readonly<Record<string, unknown>>): readonly string[] {
  return wordsOf(ownMember(claims, "scope") ?? ownMember(claims, "scp"));
}
