import { z } from "zod";
import type { ListenerLimits } from "../lib/limits.ts";
import {
  duration,
  type EndpointConfig,
  hostName,
  type ListenAddress,
  listenAddress,
  networks,
  oneOrMany,
  pathPattern,
  serviceUrl,
} from "./values.ts";

/** A config as it was written, with its defaults filled in. Times are in milliseconds. */
export interface Config {
  readonly listeners: readonly ListenerConfig[];
  readonly limits: LimitsConfig;
  readonly routes: readonly RouteConfig[];
  readonly services: Readonly<Record<string, ServiceConfig>>;
  readonly policies: readonly PolicyConfig[];
  readonly policyTimeout: number;
}

/** Bounds of the wire that differ from the defaults. */
export type LimitsConfig = { readonly [K in keyof ListenerLimits]?: ListenerLimits[K] | undefined };

export interface ListenerConfig {
  readonly name: string;
  readonly address: ListenAddress;
  readonly trusted: readonly string[];
  readonly limits: LimitsConfig;
}

export interface RouteConfig {
  readonly name: string;
  readonly match: {
    readonly host: readonly string[];
    readonly path: readonly string[];
    readonly method: readonly string[];
  };
  readonly service: string;
  readonly timeout: number;
  readonly policies: readonly PolicyConfig[];
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
}

/** A policy: its name, and its options. */
export type PolicyConfig = Readonly<Record<string, unknown>>;

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
  name: z.string().min(1).describe("Its name in logs and metrics."),
  address: listenAddress.describe("Host and port: 0.0.0.0:8080; port 0 for one of the system's choice."),
  trusted: networks
    .default([])
    .describe("Proxies whose X-Forwarded-*, Forwarded and X-Request-Id are believed."),
  limits: limits.partial().default({}).describe("What differs from the limits of all listeners."),
});

const match = z.strictObject({
  host: oneOrMany(hostName).describe("Names, or *.name for all below it; left out: every host."),
  path: oneOrMany(pathPattern).describe(
    "A path, or one that ends in /* for it and all below it; left out: every path.",
  ),
  method: oneOrMany(z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, "not a method")).describe(
    "Methods; left out: all.",
  ),
});

/** A policy as written: its name, and its options. */
const policy = z.record(z.string(), z.unknown());

const route = z.strictObject({
  name: z.string().min(1).describe("Its name in logs and metrics."),
  match: match.default({ host: [], path: [], method: [] }),
  service: z.string().describe("The service that it leads to."),
  timeout: duration
    .default(0)
    .describe("Time from the request to the head of the answer; 0 for no limit of its own."),
  policies: z
    .array(policy)
    .default([])
    .describe("Policies, in the order in which they stand within their phase."),
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
  policies: z
    .array(policy)
    .default([])
    .describe("Policies that act on attempts and answers of this service."),
});

/** What a config may hold; reading it fills in every default. */
export const configSchema: z.ZodType<Config> = z.strictObject({
  listeners: z.array(listener).min(1),
  limits: limits.partial().default({}).describe("Limits of all listeners."),
  routes: z.array(route).default([]),
  services: z.record(z.string(), service).default({}),
  policies: z.array(policy).default([]).describe("Policies of every route, before its own."),
  policyTimeout: duration.default(10_000).describe("How long one step of a policy may wait (default 10s)."),
});
