import { z } from "zod";
import { duration } from "../config/values.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";
import { schemeOf } from "../pipeline/scheme.ts";
import { fieldProblem } from "../pipeline/template-options.ts";
import { transportSecurity } from "../pipeline/transport-security.ts";

/** What a field may carry: one line of visible characters. */
const value = z.string().regex(/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/, "not the value of a field");

const name = z.string().superRefine((text, context) => {
  const message = fieldProblem(text);
  if (message !== undefined) context.addIssue({ code: "custom", message });
});

const options = z.strictObject({
  hsts: z
    .union([
      z.literal(false),
      z.strictObject({
        maxAge: duration
          .default(31_536_000_000)
          .describe("For how long browsers come by https only (default 365d)."),
        includeSubdomains: z.boolean().default(false).describe("Names below the host too (default false)."),
        preload: z
          .boolean()
          .default(false)
          .describe("The host may be put into the lists that browsers ship (default false)."),
      }),
    ])
    .prefault({})
    .describe(
      "Strict-Transport-Security, over https only; false for none. What a listener says itself goes before.",
    ),
  contentTypeOptions: z.boolean().default(true).describe("X-Content-Type-Options: nosniff (default true)."),
  frames: z
    .enum(["deny", "same-origin", "allow"])
    .default("same-origin")
    .describe(
      "Who may show the pages in a frame (X-Frame-Options, and frame-ancestors of a policy of its own; default same-origin).",
    ),
  referrerPolicy: z
    .union([z.literal(false), value])
    .default("strict-origin-when-cross-origin")
    .describe("Referrer-Policy (default strict-origin-when-cross-origin); false for none."),
  permissionsPolicy: z
    .union([z.literal(false), value])
    .default("camera=(), geolocation=(), microphone=(), payment=(), usb=()")
    .describe(
      "Permissions-Policy (default camera=(), geolocation=(), microphone=(), payment=(), usb=()); false for none.",
    ),
  openerPolicy: z
    .union([z.literal(false), value])
    .default("same-origin")
    .describe("Cross-Origin-Opener-Policy (default same-origin); false for none."),
  resourcePolicy: z
    .union([z.literal(false), value])
    .default("same-origin")
    .describe("Cross-Origin-Resource-Policy (default same-origin); false for none: images for other sites."),
  contentSecurityPolicy: value
    .optional()
    .describe("Content-Security-Policy, as it stands (default: that of the service, if any)."),
  contentSecurityPolicyReportOnly: value
    .optional()
    .describe("Content-Security-Policy-Report-Only, as it stands (default: none)."),
  existing: z
    .enum(["keep", "override"])
    .default("keep")
    .describe("Whether what the service says itself stays (`keep`, the default) or gives way (`override`)."),
  remove: z
    .array(name)
    .default(["server", "x-powered-by", "x-aspnet-version", "x-aspnetmvc-version", "x-generator"])
    .describe(
      "Fields that tell what a service is made of and are taken away (default server, x-powered-by, x-aspnet-version, x-aspnetmvc-version, x-generator).",
    ),
});

const FRAMES = { deny: ["DENY", "'none'"], "same-origin": ["SAMEORIGIN", "'self'"] } as const;

/** Tells browsers to be careful with answers, and strangers nothing of what made them. */
export const securityHeaders: PolicyDefinition = definePolicy({
  name: "security-headers",
  phase: "receive",
  options,
  compile(written) {
    const { existing, remove, frames, contentSecurityPolicy } = written;
    const hsts = written.hsts === false ? undefined : transportSecurity(written.hsts);
    const fields = fieldsOf(written);
    // A policy that says nothing of frames lets everybody have them; a second one beside it takes that back.
    const ancestors = frames === "allow" ? undefined : `frame-ancestors ${FRAMES[frames][1]}`;
    return {
      response: (x, reply) => {
        if (x.grpc !== undefined || reply.status === 101) return;
        const { fields: said } = reply;
        for (const one of remove) said.remove(one);
        for (const [field, text] of fields) {
          if (existing === "override") said.remove(field);
          else if (said.has(field)) continue;
          said.put(field, text);
        }
        const policies = said.all("content-security-policy");
        if (ancestors !== undefined && !policies.some((one) => /(?:^|[;,])\s*frame-ancestors\b/i.test(one)))
          said.put("content-security-policy", ancestors);
        if (hsts === undefined || schemeOf(x) !== "https") return;
        if (existing === "override" || !said.has("strict-transport-security"))
          said.set("strict-transport-security", hsts);
      },
    };

    function fieldsOf(given: z.output<typeof options>): [string, string][] {
      const all: [string, string | false | undefined][] = [
        ["x-content-type-options", given.contentTypeOptions && "nosniff"],
        ["x-frame-options", frames !== "allow" && FRAMES[frames][0]],
        ["referrer-policy", given.referrerPolicy],
        ["permissions-policy", given.permissionsPolicy],
        ["cross-origin-opener-policy", given.openerPolicy],
        ["cross-origin-resource-policy", given.resourcePolicy],
        ["content-security-policy", contentSecurityPolicy],
        ["content-security-policy-report-only", given.contentSecurityPolicyReportOnly],
      ];
      return all.filter((one): one is [string, string] => typeof one[1] === "string");
    }
  },
});
