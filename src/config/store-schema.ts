import { z } from "zod";
import { NAME, NAME_MESSAGE } from "./route-schema.ts";
import { duration } from "./values.ts";

/** A store that several gateways share. */
export interface StoreConfig {
  readonly redis: RedisConfig;
  /** Milliseconds that a request waits for it at most. */
  readonly timeout: number;
  /** Milliseconds between two settlements of what was counted here; undefined: each decision is made there. */
  readonly sync?: number | undefined;
}

/** A Redis or Valkey: one server, a cluster, or what sentinels name. */
export interface RedisConfig {
  /** `redis://` or `rediss://` URLs: one server, or some of a cluster or of the sentinels. */
  readonly urls: readonly string[];
  readonly mode: "single" | "cluster" | "sentinel";
  /** Name of the master that sentinels are asked for. */
  readonly master?: string | undefined;
  /** Of the servers that sentinels name; the URLs hold those of the sentinels. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** PEM of the CAs that its certificate may come from; default: the system's. */
  readonly ca?: string | undefined;
  /** What its keys begin with. */
  readonly prefix: string;
}

const url = z
  .string()
  .regex(/^rediss?:\/\//, { error: "begins with redis:// or rediss://" })
  .meta({ secret: "url" })
  .describe("redis://user:password@host:port/database, or rediss:// for TLS.");

const redis = z
  .strictObject({
    urls: z.array(url).min(1).describe("One server, or some of a cluster or of the sentinels."),
    mode: z
      .enum(["single", "cluster", "sentinel"])
      .default("single")
      .describe("One server (default), a cluster, or sentinels that name it."),
    master: z.string().min(1).optional().describe("Name of the master that sentinels are asked for."),
    username: z.string().min(1).optional().describe("User at the servers that sentinels name."),
    password: z
      .string()
      .min(1)
      .optional()
      .meta({ secret: true })
      .describe("Password at the servers that sentinels name; the sentinels' own stands in their URLs."),
    ca: z
      .string()
      .min(1)
      .optional()
      .describe("File or PEM of the CAs that its certificate may come from (default: the system's)."),
    prefix: z
      .string()
      .max(100)
      .regex(/^[^{}]*$/, { error: "has braces, which say where a cluster keeps a key; leave them out" })
      .default("torana:")
      .describe("What its keys begin with (default torana:)."),
  })
  .describe("A Redis or Valkey.");

const store = z.strictObject({
  redis,
  timeout: duration.default(100).describe("How long a request waits for it at most (default 100ms)."),
  sync: duration
    .optional()
    .describe(
      "Requests are counted here and settled there so often, as 100ms; left out: each decision is made there.",
    ),
});

/** Stores by name. */
export const stores: z.ZodType<Readonly<Record<string, StoreConfig>>> = z
  .record(
    z
      .string()
      .regex(NAME, NAME_MESSAGE)
      .refine((name) => name !== "local", { error: "local is the gateway's own memory" }),
    store,
  )
  .default({})
  .meta({ examples: [{ shared: { redis: { urls: ["redis://127.0.0.1:6379"] } } }] })
  .describe("What several gateways share, by name: limits, sessions.") as unknown as z.ZodType<
  Readonly<Record<string, StoreConfig>>
>;
