import { z } from "zod";
import type { Http2Limits, ListenerLimits } from "../lib/limits.ts";
import { consumerSchema } from "./consumer-schema.ts";
import type { Origin } from "./problem.ts";
import type { ConsumersConfig, WrittenConsumers } from "./read-consumers.ts";
import {
  NAME,
  NAME_MESSAGE,
  type PolicyConfig,
  policies,
  type RouteConfig,
  route,
  type WrittenRoute,
} from "./route-schema.ts";
import { type StoreConfig, stores } from "./store-schema.ts";
import { listenerTcp, type TcpConfig } from "./tcp-schema.ts";
import { listenerTls, type ServiceTlsConfig, serviceTls, type TlsConfig } from "./tls-schema.ts";
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
  /** Where limits and what else gateways share is kept, by name. */
  readonly stores: Readonly<Record<string, StoreConfig>>;
  /** Who may call; undefined for nobody. */
  readonly consumers?: ConsumersConfig | undefined;
  readonly policies: readonly PolicyConfig[];
  readonly policyTimeout: number;
  /** How long what is in flight may take after the signal to stop. */
  readonly stopTimeout: number;
  /** JavaScript heap that a worker may grow to, in MiB; past it, it is replaced. */
  readonly workerMemory: number;
  /** Series of metrics that are kept at most; what is past it counts as "other". */
  readonly metricSeries: number;
  /** Keys that the gateway's own memory counts at once, in each of its tables. */
  readonly limitEntries: number;
  /** Folder for what outlives a restart, relative to the config's file. */
  readonly state: string;
}

/** A config as written: its routes may stand below one another, its consumers in files. */
export interface WrittenConfig extends Omit<Config, "routes" | "consumers">, WrittenConsumers {
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
export type LimitsConfig = {
  readonly [K in Exclude<keyof ListenerLimits, "http2">]?: ListenerLimits[K] | undefined;
};

/** What a listener's HTTP/2 has that differs from the defaults. */
export type Http2Config = { readonly [K in keyof Http2Limits]?: Http2Limits[K] | undefined };

export interface ListenerConfig {
  readonly name: string;
  readonly address: ListenAddress;
  /** Each connection begins with a PROXY protocol header (v1 or v2) that names the client. */
  readonly proxyProtocol: boolean;
  readonly trusted: readonly string[];
  readonly limits: LimitsConfig;
  readonly http2: Http2Config;
  /** Undefined for plain connections. */
  readonly tls?: TlsConfig | undefined;
  /** Connections are not HTTP: they are led to services byte by byte. */
  readonly tcp?: TcpConfig | undefined;
  /** Port of https to which whoever comes by http is sent; undefined for nobody. */
  readonly redirectToHttps?: number | undefined;
}

export interface ServiceConfig {
  readonly endpoints: readonly EndpointConfig[];
  readonly timeouts: { readonly connect: number; readonly response: number; readonly idle: number };
  readonly connections: {
    readonly max: number;
    readonly waiting: number;
    readonly waitTimeout: number;
    readonly keepAlive: number;
    /** Requests at a time on one HTTP/2 connection (default 100). */
    readonly streams?: number;
  };
  readonly resend: "any" | "idempotent";
  /** How https endpoints are spoken to. */
  readonly tls?: ServiceTlsConfig | undefined;
  /** What HTTP endpoints speak; `auto` (default): HTTP/2 where an https endpoint offers it, else HTTP/1.1. */
  readonly protocol?: "auto" | "http1" | "http2" | undefined;
  /** Connections begin with a header of this version that names the client. */
  readonly proxyProtocol?: "v1" | "v2" | undefined;
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

const WINDOW = z.int().min(65_535).max(2_147_483_647);

const http2 = z.strictObject({
  maxStreams: z
    .int()
    .min(1)
    .max(10_000)
    .describe("Requests that one connection may have under way (default 128)."),
  streamWindow: WINDOW.describe(
    "Bytes of one request's body that may be on their way or wait here (default 262144).",
  ),
  connectionWindow: WINDOW.describe("The same for all requests of a connection together (default 1048576)."),
  cleartext: z
    .boolean()
    .describe("Without TLS it is spoken with clients that begin with it: prior knowledge (default true)."),
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
  http2: http2.partial().default({}).describe("How HTTP/2 is spoken, where a client does."),
  tls: listenerTls.optional().describe("Certificates, and how TLS is spoken; left out: plain connections."),
  tcp: listenerTcp
    .optional()
    .describe(
      "Connections are not HTTP: they are led to services byte by byte, which routes and policies do not see.",
    ),
  redirectToHttps: z
    .union([z.boolean(), z.int().min(1).max(65_535)])
    .optional()
    .transform((value) => (value === true ? 443 : value === false ? undefined : value))
    .describe(
      "Whoever comes by http is sent to the same address by https (308): true for port 443, or another port.",
    ),
});

const service = z.strictObject({
  endpoints: z
    .array(serviceUrl)
    .min(1)
    .describe(
      "Addresses: http://host:port, https://host:port, h2c://host:port (HTTP/2 without TLS), tcp://host:port, or unix:/path.",
    ),
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
      streams: z
        .int()
        .min(1)
        .max(1_000)
        .default(100)
        .describe(
          "Requests that one HTTP/2 connection carries at a time, where the service allows as many (default 100).",
        ),
    })
    .prefault({}),
  resend: z
    .enum(["any", "idempotent"])
    .default("any")
    .describe(
      "Which requests are sent again when a reused connection closes before a byte of the answer (default any).",
    ),
  protocol: z
    .enum(["auto", "http1", "http2"])
    .default("auto")
    .describe(
      "What endpoints speak: auto (default): HTTP/2 where an https endpoint offers it, else HTTP/1.1; http1; or http2, also without TLS. h2c:// is always HTTP/2.",
    ),
  tls: serviceTls.optional().describe("How https endpoints are spoken to."),
  proxyProtocol: z
    .enum(["v1", "v2"])
    .optional()
    .describe(
      "Connections begin with a PROXY protocol header that names the client; they are not shared by clients (default: no header).",
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
  stores,
  consumers: z
    .array(consumerSchema)
    .default([])
    .meta({ examples: [[{ name: "billing", keys: [{ hash: "sha256:…" }] }]] })
    .describe("Who may call, and what proves it."),
  consumerFiles: z
    .array(z.string().min(1))
    .default([])
    .describe("Files with further consumers: one a line, each as it stands under consumers, in JSON."),
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
  limitEntries: z
    .int()
    .min(16)
    .max(4_194_304)
    .default(65_536)
    .describe(
      "Keys that the gateway's own memory counts at once, each of: windows and buckets (32 bytes a key), sliding windows (296 bytes), concurrency (32 bytes and 4 a worker); default 65536. A change holds from the next start on.",
    ),
  state: z
    .string()
    .min(1)
    .default("state")
    .describe(
      "Folder for what outlives a restart, the counts of quotas; relative to this file, made at the first need (default state). A change holds from the next start on.",
    ),
}) as unknown as z.ZodType<WrittenConfig>;
