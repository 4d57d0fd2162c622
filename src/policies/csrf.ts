import { z } from "zod";
import { originCondition } from "../config/origin.ts";
import { csrfToken, isCsrfToken, sameToken } from "../identity/csrf-token.ts";
import { cookie, setCookie } from "../lib/cookies.ts";
import { originSet } from "../lib/origins.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";
import { schemeOf } from "../pipeline/scheme.ts";
import { editableField } from "../pipeline/template-options.ts";

const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Z]+$/;

/** Refuses what pages of other sites have a browser send. */
export const csrf: PolicyDefinition = definePolicy({
  name: "csrf",
  // Before anybody is asked who they are: what is forged begins no login and costs nothing.
  phase: "receive",
  options: z.strictObject({
    origins: z
      .array(originCondition)
      .default([])
      .describe(
        "Other sites whose pages may ask: https://a.example, https://*.a.example, { regex: … } (default: none).",
      ),
    safeMethods: z
      .array(z.string().regex(METHOD, "not the name of a method"))
      .default(["GET", "HEAD", "OPTIONS"])
      .describe(
        "Methods that are not looked at, since they change nothing, unless they open a WebSocket (default GET, HEAD, OPTIONS).",
      ),
    unknown: z
      .enum(["without-cookies", "allow", "refuse"])
      .default("without-cookies")
      .describe(
        "What becomes of requests that tell no origin, as those of programs: `without-cookies` (default) lets them through unless they bring a cookie.",
      ),
    token: z
      .strictObject({
        cookie: z
          .string()
          .regex(/^[A-Za-z0-9_-]{1,60}$/, "not a name for a cookie; write letters, digits, _ and -")
          .default("csrf-token")
          .describe(
            "Cookie that the gateway sets and scripts read (default csrf-token); over https `__Host-` stands before it.",
          ),
        header: editableField
          .default("x-csrf-token")
          .describe("Field in which scripts send its value back (default x-csrf-token)."),
      })
      .optional()
      .describe(
        "Asks for a token as well, which only pages of this site can read (default: the origin is enough).",
      ),
  }),
  reasons: {
    csrf_origin: { status: 403, source: "downstream", title: "Pages of another site may not ask this." },
    csrf_token: { status: 403, source: "downstream", title: "The request lacks the token of this site." },
  },
  compile({ origins, safeMethods, unknown, token }) {
    const safe = new Set(safeMethods);
    const friends = originSet(origins);
    const cookieOf = (x: Exchange): string | undefined => token && secured(x, token.cookie);
    return {
      request: (x) => {
        const { fields, method, upgrade } = x.request;
        // A connection in both directions reads more than a page of another site could, and may change anything. Browsers
        // always tell its origin and cannot put a field on it.
        if (safe.has(method))
          return upgrade === undefined || isOwn(x, friends, "allow") ? undefined : x.reject("csrf_origin");
        if (!isOwn(x, friends, unknown)) return x.reject("csrf_origin");
        if (token === undefined) return undefined;
        const known = cookie(fields, cookieOf(x)!);
        const shown = fields.get(token.header);
        const holds = isCsrfToken(known) && shown !== undefined && sameToken(known, shown);
        return holds ? undefined : x.reject("csrf_token");
      },
      ...(token && {
        response: (x, reply) => {
          const name = cookieOf(x)!;
          if (x.grpc !== undefined || reply.status === 101 || isCsrfToken(cookie(x.request.fields, name)))
            return;
          const secure = schemeOf(x) === "https";
          reply.fields.append("set-cookie", setCookie(name, csrfToken(), { secure, scripts: true }));
          reply.fields.append("cache-control", 'no-cache="set-cookie"');
        },
      }),
    };
  },
});

/** Whether a request comes from a page of this site or of a friend, as browsers tell it; programs tell nothing. */
function isOwn(x: Exchange, friends: (origin: string) => boolean, unknown: string): boolean {
  const { fields, authority } = x.request;
  const origin = fields.get("origin");
  const site = fields.get("sec-fetch-site");
  if (site === "same-origin" || site === "none") return true;
  if (origin !== undefined && friends(origin)) return true;
  if (site !== undefined) return false;
  // No scheme is compared: behind a proxy that speaks TLS it may be another; the host is the site's own.
  if (origin !== undefined) return hostIn(origin) === hostOfOwn(authority, origin);
  const page = fields.get("referer");
  if (page !== undefined) {
    const from = URL.canParse(page) ? new URL(page).origin : "null";
    return friends(from) || hostIn(from) === hostOfOwn(authority, from);
  }
  return unknown === "allow" || (unknown === "without-cookies" && !fields.has("cookie"));
}

function hostIn(origin: string): string | undefined {
  return /^https?:/i.test(origin) && URL.canParse(origin) ? new URL(origin).host : undefined;
}

/** The request's own host as an origin of that scheme writes it: without the usual port. */
function hostOfOwn(authority: string, origin: string): string {
  const url = `${origin.slice(0, origin.indexOf(":"))}://${authority}`;
  return URL.canParse(url) ? new URL(url).host : "";
}

function secured(x: Exchange, name: string): string {
  return schemeOf(x) === "https" ? `__Host-${name}` : name;
}
