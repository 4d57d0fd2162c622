import { z } from "zod";
import { originCondition } from "../config/origin.ts";
import { duration } from "../config/values.ts";
import { listMembers } from "../lib/field-syntax.ts";
import type { Fields } from "../lib/fields.ts";
import { originSet, wholeExpression } from "../lib/origins.ts";
import { Reply } from "../lib/reply.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** An origin that nobody has: an expression that it matches lets everybody in. */
const NOBODY = "https://nobody.invalid";

const token = (what: string) => z.string().regex(TOKEN, `not the name of a ${what}`);

const options = z
  .strictObject({
    origins: z
      .array(originCondition)
      .min(1)
      .describe(
        'Origins that may read answers: https://a.example; https://*.a.example for every name below it; { regex: … }; "*" for all.',
      ),
    methods: z
      .array(token("method"))
      .default(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
      .describe("Methods that a preflight allows (default GET, HEAD, POST, PUT, PATCH, DELETE)."),
    headers: z
      .array(token("field"))
      .default(["*"])
      .describe('Request fields that a preflight allows; "*" (default): those that it asks for.'),
    expose: z
      .array(token("field"))
      .default([])
      .describe("Answer fields that scripts may read beyond the usual ones."),
    credentials: z
      .boolean()
      .default(false)
      .describe(
        'Browsers send cookies and certificates (default false); never together with the origin "*".',
      ),
    maxAge: duration
      .default(600_000)
      .describe("How long a browser keeps the answer to a preflight (default 10m)."),
    privateNetwork: z
      .boolean()
      .default(false)
      .describe("Public pages may reach this private network, where the browser asks (default false)."),
  })
  .superRefine(({ origins, credentials }, context) => {
    if (!credentials) return;
    origins.forEach((one, i) => {
      const open =
        one === "*" || one === "null" || (typeof one === "object" && wholeExpression(one.regex).test(NOBODY));
      if (open)
        context.addIssue({
          code: "custom",
          path: ["origins", i],
          message: "lets everybody in, which credentials must not be given to; name the origins",
        });
    });
  });

/** Tells browsers which pages may read answers (the Fetch standard's CORS protocol), and answers their preflights. */
export const cors: PolicyDefinition = definePolicy({
  name: "cors",
  // Before authentication: a preflight carries no credentials, and browsers must be able to read a 401.
  phase: "receive",
  options,
  reasons: {
    cors_origin_refused: {
      status: 403,
      source: "downstream",
      title: "Pages of this origin may not ask here.",
    },
  },
  compile(written) {
    const { methods, headers, expose, credentials, privateNetwork } = written;
    const everybody = written.origins.includes("*");
    const allows = originSet(written.origins);
    const allowedMethods = methods.join(", ");
    const echoes = headers.includes("*");
    const allowedHeaders = headers.join(", ");
    const exposed = expose.join(", ");
    const maxAge = String(Math.floor(written.maxAge / 1_000));

    const preflight = (x: Exchange): Reply => {
      const { fields } = x.request;
      if (!allows(fields.get("origin")!)) return x.reject("cors_origin_refused");
      const reply = new Reply(204);
      const asked = fields.get("access-control-request-headers");
      reply.fields.put("access-control-allow-methods", allowedMethods);
      if (!echoes) {
        if (allowedHeaders !== "") reply.fields.put("access-control-allow-headers", allowedHeaders);
      } else if (asked !== undefined && asked !== "") reply.fields.put("access-control-allow-headers", asked);
      reply.fields.put("access-control-max-age", maxAge);
      if (privateNetwork && fields.get("access-control-request-private-network") === "true")
        reply.fields.put("access-control-allow-private-network", "true");
      vary(reply.fields, "access-control-request-method");
      vary(reply.fields, "access-control-request-headers");
      return reply;
    };

    return {
      request: (x) => (isPreflight(x) ? preflight(x) : undefined),
      response: (x, { fields }) => {
        // The gateway has the last word: what the service wrote of its own would stand twice, or say something else.
        fields.remove("access-control-allow-origin");
        fields.remove("access-control-allow-credentials");
        if (!everybody) vary(fields, "origin");
        const asking = x.request.fields.get("origin");
        if (everybody) fields.put("access-control-allow-origin", "*");
        else if (asking !== undefined && allows(asking)) fields.put("access-control-allow-origin", asking);
        else return;
        if (credentials) fields.put("access-control-allow-credentials", "true");
        if (exposed === "") return;
        fields.remove("access-control-expose-headers");
        fields.put("access-control-expose-headers", exposed);
      },
    };
  },
});

function isPreflight({ request: { method, fields } }: Exchange): boolean {
  return method === "OPTIONS" && fields.has("origin") && fields.has("access-control-request-method");
}

/** Caches must tell answers apart by this field of the request. */
function vary(fields: Fields, name: string): void {
  const before = fields.get("vary");
  if (before === undefined) fields.put("vary", name);
  else if (!listMembers(before).some((member) => member === "*" || member === name)) fields.put("vary", name);
}
