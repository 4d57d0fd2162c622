import { z } from "zod";
import { hostName, regexText } from "../config/values.ts";
import { wholeExpression } from "../lib/origins.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";

const sites = z.array(
  z.union(
    [
      hostName,
      z.strictObject({ regex: regexText.describe("An expression that the whole address matches.") }),
    ],
    { error: "not a host; write a.example, *.a.example for all names below it, or { regex: … }" },
  ),
);

/** Lets requests in by the page that they say they come from: against images and downloads that other sites show as theirs. */
export const referer: PolicyDefinition = definePolicy({
  name: "referer",
  phase: "authorize",
  options: z
    .strictObject({
      allow: sites
        .optional()
        .describe(
          "Hosts of pages that may ask: a.example, *.a.example, { regex: … } (default: all). The request's own host always may.",
        ),
      deny: sites
        .default([])
        .describe("Those that may not, even where they are allowed as well (default: none)."),
      missing: z
        .enum(["allow", "refuse"])
        .default("allow")
        .describe(
          "What becomes of requests that name no page, as typed addresses and careful browsers do (default allow).",
        ),
    })
    .superRefine(({ allow, deny, missing }, context) => {
      if (allow === undefined && deny.length === 0 && missing === "allow")
        context.addIssue({
          code: "custom",
          message: "lets every page ask; write allow, deny or missing: refuse",
        });
    }),
  reasons: {
    referer_denied: { status: 403, source: "downstream", title: "Pages of this site may not ask here." },
    referer_missing: {
      status: 403,
      source: "downstream",
      title: "Requests must name the page that they come from here.",
    },
  },
  compile({ allow, deny, missing }) {
    const allowed = allow === undefined ? undefined : matcher(allow);
    const denied = matcher(deny);
    return (x) => {
      const { fields, authority } = x.request;
      const page = fields.get("referer") ?? "";
      if (page === "") return missing === "allow" ? undefined : x.reject("referer_missing");
      const url = URL.canParse(page) ? new URL(page) : undefined;
      const host = url?.hostname ?? "";
      // What cannot be read must not slip past a list of denied ones.
      if (host === "") return x.reject("referer_denied");
      const own = host === authority.replace(/:[0-9]*$/, "").toLowerCase();
      const mayAsk = !denied(host, page) && (own || allowed === undefined || allowed(host, page));
      return mayAsk ? undefined : x.reject("referer_denied");
    };
  },
});

function matcher(written: z.output<typeof sites>): (host: string, page: string) => boolean {
  const hosts = written.flatMap((one) => (typeof one === "string" ? [one] : []));
  const exact = new Set(hosts.filter((one) => !one.startsWith("*.")));
  const below = hosts.flatMap((one) => (one.startsWith("*.") ? [one.slice(1)] : []));
  const patterns = written.flatMap((one) => (typeof one === "string" ? [] : [wholeExpression(one.regex)]));
  return (host, page) =>
    exact.has(host) ||
    below.some((domain) => host.endsWith(domain)) ||
    patterns.some((pattern) => pattern.test(page));
}
