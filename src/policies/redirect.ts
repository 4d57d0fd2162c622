import { z } from "zod";
import { locationText as address } from "../lib/location.ts";
import { Reply } from "../lib/reply.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";
import { hostOf, schemeOf } from "../pipeline/scheme.ts";
import { compileTemplate, textOf, type Variable } from "../pipeline/template.ts";

/** An absolute address begins so; only the host that was asked may stand for the host. */
const ABSOLUTE =
  /^(?:https?|\$\{request\.scheme\}):\/\/(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]|\$\{request\.(?:host|authority)\})(?::[0-9]{1,5})?(?=[/?#]|\$\{(?:request\.path|path\.rest|request\.query)\}|$)/;
const HOST = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])$/;

const target = z.string().superRefine((text, context) => {
  const say = (message: string): void => context.addIssue({ code: "custom", message });
  if (!text.startsWith("/") && !/^\$\{(?:request\.path|path\.rest)\}/.test(text) && !ABSOLUTE.test(text))
    say(
      "not a target that is safe; write /path or https://host/path, where no variable but ${request.host} stands for the host",
    );
  checkText(text, say);
});

const part = (begin: RegExp, message: string) =>
  z.string().superRefine((text, context) => {
    const say = (problem: string): void => context.addIssue({ code: "custom", message: problem });
    if (!begin.test(text)) say(message);
    checkText(text, say);
  });

function checkText(text: string, say: (message: string) => void): void {
  try {
    const { literals } = compileTemplate(text);
    if (literals.some((literal) => /[^\x21-\x7e]|[\\"<>^`{|}]/.test(literal)))
      say("a character of it cannot stand in an address; write it percent-encoded");
  } catch (error) {
    say((error as Error).message);
  }
}

const options = z
  .strictObject({
    to: target
      .optional()
      .describe(
        "Where to: a path or a whole address with variables: https://new.example${request.path}, /v2${path.rest}, /users/${param.id}.",
      ),
    scheme: z.enum(["http", "https"]).optional().describe("Without to: the scheme (default: the request's)."),
    host: z
      .string()
      .regex(HOST, "not a host; write a name without a port")
      .optional()
      .describe("Without to: the host (default: the request's)."),
    port: z
      .int()
      .min(1)
      .max(65_535)
      .optional()
      .describe("Without to: the port (default: the request's; none where scheme or host is given)."),
    path: part(/^(?:\/|\$\{(?:request\.path|path\.rest)\})/, "not a path; it begins with /")
      .optional()
      .describe("Without to: the path, with variables (default: the request's)."),
    query: part(/^/, "")
      .optional()
      .describe(
        "Without to: the query without its ?, with variables; empty for none (default: the request's).",
      ),
    status: z
      .union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)], {
        error: "not a status that redirects; write 301, 302, 303, 307 or 308",
      })
      .default(302)
      .describe("301, 302 (default), 303, 307 or 308; 307 and 308 keep the method."),
    keepQuery: z
      .boolean()
      .default(true)
      .describe("The request's query is added to what `to` says (default true)."),
  })
  .superRefine(({ to, scheme, host, port, path, query }, context) => {
    const parts = [scheme, host, port, path, query].filter((one) => one !== undefined).length;
    if (to === undefined ? parts === 0 : parts > 0)
      context.addIssue({
        code: "custom",
        message: "is not clear; write either `to`, or some of scheme, host, port, path and query",
      });
  });

type Options = z.output<typeof options>;

/** Sends the client elsewhere; a request that is there already goes on. */
export const redirect: PolicyDefinition = definePolicy({
  name: "redirect",
  // Before authentication: a client must learn of https before it sends what proves who it is.
  phase: "receive",
  answers: true,
  options,
  reasons: {
    redirect_loop: { status: 508, source: "gateway", title: "This route redirects to itself." },
  },
  compile(written) {
    const locate =
      written.to === undefined ? fromParts(written) : fromTemplate(written.to, written.keepQuery);
    return (x) => {
      const location = locate(x);
      if (location === undefined) return x.reject("host_invalid", "the request names no host to redirect to");
      if (!leadsHere(location, x)) {
        const reply = new Reply(written.status);
        reply.fields.append("location", location);
        return reply;
      }
      const { service, split } = x.route;
      return service === undefined && split === undefined ? x.reject("redirect_loop") : undefined;
    };
  },
});

type Locate = (x: Exchange) => string | undefined;

function fromTemplate(to: string, keepQuery: boolean): Locate {
  const template = compileTemplate(to, escaped);
  const withQuery = keepQuery && !to.includes("${request.query}");
  const named = /^[^/?#]*:\/\//.test(to);
  const namesHost = /\$\{request\.(?:host|authority)\}/.test(to);
  return (x) => {
    if (namesHost && x.request.authority === "") return undefined;
    const text = template.render(x);
    const made = named ? text : onThisHost(text);
    return withQuery ? joined(made, address(x.request.query)) : made;
  };
}

function fromParts({ scheme, host, port, path, query }: Options): Locate {
  const pathText = path === undefined ? undefined : compileTemplate(path, escaped);
  const queryText = query === undefined ? undefined : compileTemplate(query, escaped);
  return (x) => {
    const { request } = x;
    const name = host ?? hostOf(request.authority);
    if (name === "") return undefined;
    const kept =
      scheme === undefined && host === undefined ? /:[0-9]+$/.exec(request.authority)?.[0] : undefined;
    const behind = port === undefined ? (kept ?? "") : `:${port}`;
    const where = onThisHost(pathText === undefined ? address(request.path) : pathText.render(x));
    const asked = queryText === undefined ? address(request.query) : prefixed(queryText.render(x));
    return `${scheme ?? schemeOf(x)}://${name}${behind}${where}${asked}`;
  };
}

function prefixed(query: string): string {
  return query === "" ? "" : `?${query}`;
}

/** Adds the request's query to an address, before its fragment. */
function joined(location: string, query: string): string {
  if (query.length < 2) return location;
  const [before = "", fragment] = location.split("#", 2);
  const whole = before.includes("?") ? `${before}&${query.slice(1)}` : before + query;
  return fragment === undefined ? whole : `${whole}#${fragment}`;
}

/** A path that names no other host: `//evil.example` and `/\evil.example` would. */
function onThisHost(path: string): string {
  return `/${path.replace(/^[/\\]+/, "")}`;
}

/** Whole parts of the address stay as they came; any other value becomes one piece that ends nothing. */
function escaped(value: string, variable: Variable): string {
  const { name } = variable;
  if (name === "request.path" || name === "path.rest") return value === "*" ? "/" : address(value);
  if (name === "request.query") return address(value);
  if (name === "request.host" || name === "request.authority" || name === "request.scheme") return value;
  return encodeURIComponent(textOf(value, variable).toWellFormed());
}

/** Whether a client that follows asks the very same again. */
function leadsHere(location: string, x: Exchange): boolean {
  const { authority, path, query } = x.request;
  const here = `${address(path)}${address(query)}`;
  return location === here || location === `${schemeOf(x)}://${authority}${here}`;
}
