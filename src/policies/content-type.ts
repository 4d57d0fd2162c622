import { z } from "zod";
import { accepts, mediaTypeSet, parseMediaType } from "../lib/media-type.ts";
import type { Reply } from "../lib/reply.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";

const TYPE = /^(?:\*\/\*|[a-z0-9!#$&^_.+-]+\/(?:\*|[a-z0-9!#$&^_.+-]+|[a-z0-9!#$&^_.-]*\*\+[a-z0-9.-]+))$/;

const types = z
  .array(
    z
      .string()
      .transform((text) => text.toLowerCase())
      .refine((text) => TYPE.test(text), {
        message:
          "not a media type; write application/json, image/* or application/*+json, without parameters",
      }),
  )
  .min(1);

/** Takes requests with bodies of some media types only, and from clients that take what the service gives. */
export const contentType: PolicyDefinition = definePolicy({
  name: "content-type",
  phase: "request",
  options: z
    .strictObject({
      types: types
        .optional()
        .describe(
          "Media types that bodies may have: application/json, image/*, application/*+json (default: any).",
        ),
      methods: z
        .record(z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Z]+$/, "not the name of a method"), types)
        .default({})
        .describe("The same by method, in place of `types`: { POST: [application/json] }."),
      missing: z
        .enum(["refuse", "allow"])
        .default("refuse")
        .describe("What becomes of a body without a type (default refuse)."),
      charsets: z
        .array(z.string().transform((text) => text.toLowerCase()))
        .default(["utf-8"])
        .describe(
          "Charsets that a type may name (default utf-8); one that names none is taken. An empty list: any.",
        ),
      produces: z
        .array(
          z
            .string()
            .regex(/^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+$/, "not a media type; write application/json"),
        )
        .min(1)
        .optional()
        .describe(
          "Media types of the answers: who accepts none of them gets 406 (default: nobody is asked).",
        ),
    })
    .superRefine(({ types: any, methods, produces }, context) => {
      if (any === undefined && Object.keys(methods).length === 0 && produces === undefined)
        context.addIssue({ code: "custom", message: "takes everything; write types, methods or produces" });
    }),
  reasons: {
    content_type_missing: {
      status: 415,
      source: "downstream",
      title: "The request's body does not say what it is.",
    },
    content_type_unsupported: {
      status: 415,
      source: "downstream",
      title: "This route does not take bodies of this type.",
    },
    content_charset_unsupported: {
      status: 415,
      source: "downstream",
      title: "This route does not take text in this charset.",
    },
    not_acceptable: {
      status: 406,
      source: "downstream",
      title: "This route gives none of what the client takes.",
    },
  },
  compile({ types: any, methods, missing, charsets, produces }) {
    const byMethod = new Map(
      Object.entries(methods).map(([method, list]) => [method, { has: mediaTypeSet(list), list }] as const),
    );
    const others = any && { has: mediaTypeSet(any), list: any };
    const known = new Set(charsets);
    return (x) => {
      const { fields, method, body } = x.request;
      const rule = byMethod.get(method) ?? others;
      if (body !== undefined && body.length !== 0 && rule !== undefined) {
        const said = fields.all("content-type");
        if (said.length === 0) {
          if (missing === "refuse") return refuse(x, "content_type_missing", rule.list);
        } else {
          const media = said.length === 1 ? parseMediaType(said[0]!) : undefined;
          if (media === undefined || !rule.has(media.type))
            return refuse(x, "content_type_unsupported", rule.list);
          const charset = media.parameters.get("charset")?.toLowerCase();
          if (charset !== undefined && known.size > 0 && !known.has(charset))
            return refuse(x, "content_charset_unsupported", rule.list);
        }
      }
      if (produces === undefined) return undefined;
      const accept = fields.get("accept");
      return accept === undefined || accepts(accept, produces) ? undefined : x.reject("not_acceptable");
    };
  },
});

/** A 415 says what is taken (RFC 9110 §15.5.16). */
function refuse(x: Exchange, code: string, list: readonly string[]): Reply {
  const reply = x.reject(code);
  const said = list.filter((one) => !one.includes("*+"));
  if (said.length > 0) reply.fields.set("accept", said.join(", "));
  return reply;
}
