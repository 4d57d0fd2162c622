import { z } from "zod";
import { ALWAYS } from "./always.ts";
import type { Origin } from "./problem.ts";
import { type BufferConfig, buffer, type WebSocketConfig, webSocket } from "./route-options.ts";
import {
  duration,
  hostName,
  networks,
  oneOrMany,
  type PathCondition,
  pathCondition,
  regexText,
} from "./values.ts";

/** A policy: its name (or the path of a `.ts` file), and its options. */
export type PolicyConfig = Readonly<Record<string, unknown>>;

/** What one field, query parameter or cookie must be: this value; a match of this expression; there, or not there. */
export type ValueCondition = string | { readonly regex: string } | { readonly present: boolean };

/** Conditions that all must hold; what is empty holds always. */
export interface MatchConfig {
  readonly host: readonly string[];
  readonly path: readonly PathCondition[];
  readonly method: readonly string[];
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, ValueCondition>>;
  readonly query: Readonly<Record<string, ValueCondition>>;
  readonly cookies: Readonly<Record<string, ValueCondition>>;
  /** Networks that the client's address is in. */
  readonly from: readonly string[];
  /** A CEL expression that must be true. */
  readonly when: string | undefined;
}

/** One of the services that a route leads to, and its share. */
export interface SplitConfig {
  readonly service: string;
  readonly weight: number;
  readonly policies: readonly PolicyConfig[];
}

/** How the service is asked: what replaces the matched prefix, the whole path, or what an expression finds; and the host. */
export interface RewriteConfig {
  readonly prefix: string | undefined;
  /** May hold `{name}` of the route's path. */
  readonly path: string | undefined;
  readonly regex: { readonly match: string; readonly to: string } | undefined;
  /** "preserve": as the client wrote it; "endpoint": the endpoint's own; else a name. */
  readonly host: string;
}

/** What becomes of open tunnels (WebSocket) when a reload changes or removes their route. */
export type TunnelsConfig = "keep" | "close" | { readonly drain: number };

/** A route with its defaults filled in, and what it inherits. Times are in milliseconds. */
export interface RouteConfig {
  readonly name: string;
  /** Any of these; each ranks by itself. */
  readonly match: readonly MatchConfig[];
  /** Names of the listeners that it is bound to; empty for all. */
  readonly listeners: readonly string[];
  /** Decides between routes that rank alike, before the order in which they are written; the greater first. */
  readonly priority: number;
  /** Empty when a policy answers. */
  readonly split: readonly SplitConfig[];
  readonly rewrite: RewriteConfig | undefined;
  readonly timeout: number;
  readonly tunnels: TunnelsConfig;
  readonly websocket: WebSocketConfig | undefined;
  readonly buffer: BufferConfig | undefined;
  readonly policies: readonly PolicyConfig[];
  /** Where it was written. */
  readonly origin: Origin;
}

/** A route as written: `service` may stand for a split of one, and routes may stand below it. */
export interface WrittenRoute extends Omit<RouteConfig, "origin"> {
  readonly service: string | undefined;
  readonly routes: readonly WrittenRoute[] | undefined;
  /** A file with further routes (and services) of this tree. */
  readonly include: string | undefined;
}

const condition = z
  .union([
    z.string().describe("The value."),
    z.strictObject({ regex: regexText.describe("An expression that the whole value matches.") }),
    z.strictObject({ present: z.boolean().describe("true: it is there; false: it is not.") }),
  ])
  .meta({ title: "a condition: text, { regex: … } or { present: true }", examples: ["acme"] });

/** Names of routes, services and listeners. */
export const NAME: RegExp = /^[^\s/]+$/;
export const NAME_MESSAGE = "not a name; write it without spaces and slashes";

const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

const fieldConditions = z
  .record(z.string().regex(FIELD_NAME, "not the name of a field; write letters, digits and -"), condition)
  .transform((conditions) =>
    Object.fromEntries(Object.entries(conditions).map(([name, value]) => [name.toLowerCase(), value])),
  );

/** Conditions as written, without what is inherited. */
const match: z.ZodType<MatchConfig> = z.strictObject({
  host: oneOrMany(hostName).describe("Names, or *.name for all below it; left out: every host."),
  path: oneOrMany(pathCondition).describe(
    "/exact, /with/{parameter}, /prefix/* for it and all below it, or { regex: … }; left out: every path.",
  ),
  method: oneOrMany(z.string().regex(FIELD_NAME, "not a method; write GET, POST …")).describe(
    "Methods; left out: all.",
  ),
  headers: fieldConditions.default({}).describe("Request fields, by name."),
  query: z.record(z.string(), condition).default({}).describe("Query parameters, by name."),
  cookies: z.record(z.string(), condition).default({}).describe("Cookies, by name."),
  from: networks.default([]).describe("Networks that the client's address is in: 10.0.0.0/8."),
  when: z.string().min(1).optional().describe("A CEL expression over request and client that must be true."),
}) as unknown as z.ZodType<MatchConfig>;

/** A policy as written: its name, and its options. */
export const policies: z.ZodType<PolicyConfig[]> = z.array(
  z.record(z.string(), z.unknown()).meta({ title: "a policy", examples: [{ cors: { origins: ["*"] } }] }),
);

const serviceName = z.string().meta({ title: "the name of a service", examples: ["orders"] });

const split = z.strictObject({
  service: serviceName.describe("The service."),
  weight: z.number().min(0).max(1_000_000).default(1).describe("Its share, beside the others' (default 1)."),
  policies: policies.default([]).describe("Policies that act on its attempts and answers only."),
});

const rewrite = z
  .strictObject({
    prefix: z
      .string()
      .regex(/^\/[^?#\s]*$/, "not a path; begin it with /, and leave out ?, # and spaces")
      .optional()
      .describe("What replaces the part of the path that /prefix/* matched."),
    path: z
      .string()
      .regex(/^\/[^?#\s]*$/, "not a path; begin it with /, and leave out ?, # and spaces")
      .optional()
      .describe("The whole path; {name} stands for a parameter of the route's path."),
    regex: z
      .strictObject({
        match: regexText.describe("What is replaced."),
        to: z.string().describe("What stands in its place; $1 is the first group."),
      })
      .optional()
      .describe("Replaces what an expression finds in the path."),
    host: z
      .string()
      .regex(
        /^(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/,
        "not a host; write preserve, endpoint or a name",
      )
      .default("preserve")
      .describe("preserve (default): Host as the client wrote it; endpoint: the endpoint's; or a name."),
  })
  .refine(
    ({ prefix, path, regex }) => [prefix, path, regex].filter((one) => one !== undefined).length <= 1,
    "prefix, path and regex exclude each other; write one of them",
  );

const tunnels = z
  .union([
    z.enum(["keep", "close"]),
    z.strictObject({ drain: duration.describe("How long they may go on.") }),
  ])
  .meta({ title: "keep, close or { drain: 30s }", examples: ["keep"] });

/** The conditions of a route as written: one set, or a list of such. */
export const matches: z.ZodType<MatchConfig[]> = z
  .union([match, z.array(match).min(1)])
  .default(ALWAYS)
  .transform((value) => (Array.isArray(value) ? value : [value]));

/** One route as written. */
export const route: z.ZodType<WrittenRoute> = z.lazy(() =>
  z.strictObject({
    name: z.string().max(200).regex(NAME, NAME_MESSAGE).describe("Its name in logs and metrics."),
    match: matches.describe(
      "When it is taken: conditions that all hold, or a list of such of which any holds.",
    ),
    listeners: oneOrMany(z.string().meta({ title: "the name of a listener", examples: ["public"] })).describe(
      "Listeners that it is bound to; left out: all.",
    ),
    priority: z
      .int()
      .default(0)
      .describe("Decides between routes that rank alike; the greater first (default 0)."),
    service: serviceName.optional().describe("The service that it leads to."),
    split: z.array(split).default([]).describe("Several services, by weight."),
    rewrite: rewrite.optional().describe("Path and host as the service sees them."),
    timeout: duration
      .default(0)
      .describe("Time from the request to the head of the answer; 0 for no limit of its own."),
    tunnels: tunnels
      .default("keep")
      .describe("WebSockets of a route that a reload changes: keep (default), close, or { drain: 30s }."),
    websocket: webSocket.optional().describe("Who may open WebSockets on it, and how long they last."),
    buffer: buffer
      .optional()
      .describe("Bodies that are held whole before they go on: { request: 10MB }; left out: none."),
    policies: policies.default([]).describe("Policies, in the order in which they stand within their phase."),
    routes: z
      .array(route)
      .optional()
      .describe(
        "Routes below this one: they inherit its conditions and policies, their paths follow its prefix.",
      ),
    include: z.string().min(1).optional().describe("A file with the routes below this one."),
  }),
) as unknown as z.ZodType<WrittenRoute>;
