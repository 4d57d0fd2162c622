import { z } from "zod";
import type { ListenerLimits } from "../lib/limits.ts";
import type { Origin } from "./problem.ts";
import {
  NAME,
  NAME_MESSAGE,
  type PolicyConfig,
  policies,
  type RouteConfig,
  route,
  type WrittenRoute,
} from "./route-schema.ts";
import {
  duration,
  type EndpointConfig,
  type ListenAddress,
  listenAddress,
  serviceUrl,
  trustedPeers,
} from "./values.ts";

/** A config with its defaults filled in and its routes in one list. Times are in milliseconds. */
export interface Config {
  /** Where the admin endpoints listen; undefined for nowhere. */
  readonly admin: ListenAddress | undefined;
  /** Event loops that serve; "auto" for one a core. */
  readonly workers: "auto" | number;
  readonly listeners: readonly ListenerConfig[];
  readonly limits: LimitsConfig;
  readonly paths: PathsConfig;
  readonly routes: readonly RouteConfig[];
  readonly services: Readonly<Record<string, ServiceConfig>>;
  readonly policies: readonly PolicyConfig[];
  readonly policyTimeout: number;
  /** How long what is in flight may take after the signal to stop. */
  readonly stopTimeout: number;
  /** JavaScript heap that a worker may grow to, in MiB; past it, it is replaced. */
  readonly workerMemory: number;
  /** Series of metrics that are kept at most; what is past it counts as "other". */
  readonly metricSeries: number;
}

/** A config as written: its routes may stand below one another. */
export interface WrittenConfig extends Omit<Config, "routes"> {
  readonly routes: readonly WrittenRoute[];
}

/** How a path is made plain before it is matched; what is matched is what is forwarded. */
export interface PathsConfig {
  /** Several slashes in a row: become one, stay, or are refused. */
  readonly slashes: "merge" | "keep" | "refuse";
  /** %2F (and %5C): stays as it is, becomes a slash, or is refused. */
  readonly encodedSlash: "keep" | "decode" | "refuse";
}

/** Bounds of the wire that differ from the defaults. */
export type LimitsConfig = { readonly [K in keyof ListenerLimits]?: ListenerLimits[K] | undefined };

export interface ListenerConfig {
  readonly name: string;
  readonly address: ListenAddress;
  /** Each connection begins with a PROXY protocol header (v1 or v2) that names the client. */
  readonly proxyProtocol: boolean;
  readonly trusted: readonly string[];
  readonly limits: LimitsConfig;
}

export interface ServiceConfig {
  readonly endpoints: readonly EndpointConfig[];
  readonly timeouts: { readonly connect: number; readonly response: number; readonly idle: number };
  readonly connections: {
    readonly max: number;
    readonly waiting: number;
    readonly waitTimeout: number;
    readonly keepAlive: number;
  };
  readonly resend: "any" | "idempotent";
  readonly policies: readonly PolicyConfig[];
  /** Where it was written, when that is not the main file. */
  readonly origin?: Origin;
}

/** A file that a route includes: routes, and services that only they see. */
export interface IncludedConfig {
  readonly routes: readonly WrittenRoute[];
  readonly services: Readonly<Record<string, ServiceConfig>>;
}

const limits = z.strictObject({
  head: z.int().min(256).max(1_048_576).describe("Bytes of a request's head (default 32768)."),
  fields: z.int().min(1).max(10_000).describe("Fields of a head (default 100)."),
  target: z.int().min(16).max(1_048_576).describe("Bytes of a request's target (default 16384)."),
  headerTimeout: duration.describe("Time for a head to arrive (default 10s)."),
  idleTimeout: duration.describe("Time that a connection may be silent between requests (default 60s)."),
  bodyRate: z
    .int()
    .min(0)
    .describe("Bytes a second below which a request's body is given up; 0 for none (default 240)."),
  connections: z.int().min(1).describe("Open connections of a listener (default 20000)."),
  connectionsPerAddress: z.int().min(1).describe("Open connections from one address (default 10000)."),
});

const listener = z.strictObject({
  name: z.string().regex(NAME, NAME_MESSAGE).describe("Its name in logs and metrics."),
  address: listenAddress.describe(
    "Host and port: 0.0.0.0:8080; port 0 for one of the system's choice; or unix:/path/to/socket.",
  ),
  proxyProtocol: z
    .boolean()
    .default(false)
    .describe("Connections begin with a PROXY protocol header, v1 or v2 (default false)."),
  trusted: trustedPeers
    .default([])
    .describe(
      "Proxies whose X-Forwarded-*, Forwarded and X-Request-Id are believed: networks, or unix for peers on a Unix socket; with proxyProtocol, once there are any, the only ones that may connect.",
    ),
  limits: limits.partial().default({}).describe("What differs from the limits of all listeners."),
});

const service = z.strictObject({
  endpoints: z.array(serviceUrl).min(1).describe("Addresses: http://host:port."),
  timeouts: z
    .strictObject({
      connect: duration.default(1_000).describe("Time to connect (default 1s)."),
      response: duration
        .default(60_000)
        .describe("From the end of the request to the head of the answer (default 60s)."),
      idle: duration.default(60_000).describe("Between two reads of the answer's body (default 60s)."),
    })
    .prefault({}),
  connections: z
    .strictObject({
      max: z.int().min(1).default(512).describe("Open connections to one endpoint (default 512)."),
      waiting: z.int().min(0).default(1_024).describe("Requests that wait for one of them (default 1024)."),
      waitTimeout: duration.default(5_000).describe("How long they wait (default 5s)."),
      keepAlive: duration.default(60_000).describe("How long an unused connection is kept (default 60s)."),
    })
    .prefault({}),
  resend: z
    .enum(["any", "idempotent"])
    .default("any")
    .describe(
      "Which requests are sent again when a reused connection closes before a byte of the answer (default any).",
    ),
  policies: policies.default([]).describe("Policies that act on attempts and answers of this service."),
});

const paths = z.strictObject({
  slashes: z
    .enum(["merge", "keep", "refuse"])
    .default("merge")
    .describe("Several slashes in a row: become one (default), stay, or are refused."),
  encodedSlash: z
    .enum(["keep", "decode", "refuse"])
    .default("keep")
    .describe("%2F in a path: stays (default), becomes a slash, or is refused."),
});

const routes = z
  .array(route)
  .default([])
  .meta({ examples: [[{ name: "orders", match: { path: "/orders/*" }, service: "orders" }]] })
  .describe("Which request goes where.");
const services = z
  .record(z.string().regex(NAME, NAME_MESSAGE), service)
  .default({})
  .meta({ examples: [{ orders: { endpoints: ["http://127.0.0.1:9001"] } }] })
  .describe("What stands behind the routes, by name.");

/** What an included file may hold. */
export const includedSchema: z.ZodType<IncludedConfig> = z.strictObject({
  routes,
  services: services.describe(
    "Services that only the routes of this file see, before those of the main file.",
  ),
}) as unknown as z.ZodType<IncludedConfig>;

/** What a config may hold; reading it fills in every default. */
export const configSchema: z.ZodType<WrittenConfig> = z.strictObject({
  admin: listenAddress.optional().describe("Address of the admin endpoints: 127.0.0.1:9901; left out: none."),
  workers: z
    .union([z.literal("auto"), z.int().min(1).max(256)])
    .default("auto")
    .describe("Event loops that serve; auto (default): one a core."),
  listeners: z
    .array(listener)
    .min(1)
    .meta({ examples: [[{ name: "public", address: "0.0.0.0:8080" }]] })
    .describe("Where connections are accepted."),
  limits: limits.partial().default({}).describe("Limits of all listeners."),
  paths: paths.prefault({}).describe("How a path is made plain before it is matched."),
  routes,
  services,
  policies: policies.default([]).describe("Policies of every route, before its own."),
  policyTimeout: duration.default(10_000).describe("How long one step of a policy may wait (default 10s)."),
  stopTimeout: duration
    .default(30_000)
    .describe("How long what is in flight may take after the signal to stop (default 30s)."),
  workerMemory: z
    .int()
    .min(64)
    .max(65_536)
    .default(1_024)
    .describe("JavaScript heap that a worker may grow to, in MiB; past it, it is replaced (default 1024)."),
  metricSeries: z
    .int()
    .min(10)
    .max(1_000_000)
    .default(20_000)
    .describe("Series of metrics at most; what is past it counts as other (default 20000)."),
}) as unknown as z.ZodType<WrittenConfig>;
