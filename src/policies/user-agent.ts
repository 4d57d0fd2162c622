import { z } from "zod";
import { regexText } from "../config/values.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";

const words = z.array(
  z.union(
    [
      z.string().min(1, "an empty text is part of every name"),
      z.strictObject({ regex: regexText.describe("An expression that a part of the name matches.") }),
    ],
    { error: "not a text; write a part of the name, or { regex: … }" },
  ),
);

/** Lets programs in by the name that they give themselves in User-Agent. */
export const userAgent: PolicyDefinition = definePolicy({
  name: "user-agent",
  phase: "authorize",
  options: z
    .strictObject({
      allow: words
        .optional()
        .describe(
          "Programs that may ask: a part of their names, upper and lower case alike, or { regex: … } (default: all).",
        ),
      deny: words
        .default([])
        .describe("Programs that may not, even where they are allowed as well (default: none)."),
      missing: z
        .enum(["allow", "refuse"])
        .optional()
        .describe(
          "What becomes of requests without a name (default: refuse where `allow` is written, else allow).",
        ),
      max: z
        .int()
        .min(1)
        .default(1_024)
        .describe("Characters of a name at most (default 1024); a longer one is refused."),
    })
    .superRefine(({ allow, deny, missing }, context) => {
      if (allow === undefined && deny.length === 0 && missing !== "refuse")
        context.addIssue({
          code: "custom",
          message: "lets every program in; write allow, deny or missing: refuse",
        });
    }),
  reasons: {
    user_agent_denied: { status: 403, source: "downstream", title: "This program may not ask here." },
    user_agent_missing: {
      status: 403,
      source: "downstream",
      title: "Programs must say their name in User-Agent here.",
    },
  },
  compile({ allow, deny, missing = allow === undefined ? "allow" : "refuse", max }) {
    const allowed = allow === undefined ? undefined : matcher(allow);
    const denied = matcher(deny);
    return (x) => {
      const name = x.request.fields.get("user-agent") ?? "";
      if (name === "") return missing === "allow" ? undefined : x.reject("user_agent_missing");
      const mayAsk = name.length <= max && !denied(name) && (allowed === undefined || allowed(name));
      return mayAsk ? undefined : x.reject("user_agent_denied");
    };
  },
});

function matcher(written: z.output<typeof words>): (name: string) => boolean {
  const texts = written.flatMap((one) => (typeof one === "string" ? [one.toLowerCase()] : []));
  const patterns = written.flatMap((one) => (typeof one === "string" ? [] : [new RegExp(one.regex, "u")]));
  return (name) => {
    const lower = name.toLowerCase();
    return texts.some((text) => lower.includes(text)) || patterns.some((pattern) => pattern.test(name));
  };
}
