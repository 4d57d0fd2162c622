import { z } from "zod";
import type { OriginCondition } from "../lib/origins.ts";
import { byteSize } from "./byte-size.ts";
import { originCondition } from "./origin.ts";
import { duration } from "./values.ts";
import { type MessagesConfig, messages } from "./websocket-schema.ts";

/** What holds for the WebSockets of a route; times in milliseconds, 0 for no limit. */
export interface WebSocketConfig {
  /** Pages that may open one; empty for all. */
  readonly origins: readonly OriginCondition[];
  /** Without a byte in either direction. */
  readonly idleTimeout: number;
  readonly maxLifetime: number;
  /** How long one goes on after the gateway was told to stop. */
  readonly grace: number;
  /** What messages must keep to; where neither is there, all bytes pass as they come. */
  readonly fromClient?: MessagesConfig | undefined;
  readonly fromService?: MessagesConfig | undefined;
}

/** Bytes of a body that is held whole before it goes on; 0 for a body that passes as it comes. */
export interface BufferConfig {
  readonly request: number;
  readonly response: number;
}

/** What `true` stands for where a size may stand. */
const HELD_MAX = 1_048_576;

/** The option `websocket` of a route. */
export const webSocket: z.ZodType<WebSocketConfig> = z.strictObject({
  origins: z
    .array(originCondition)
    .default([])
    .describe(
      "Pages that may open one: https://a.example, https://*.a.example, { regex: … }; others get 403. Left out: all. A request without Origin comes from no page and passes.",
    ),
  idleTimeout: duration
    .default(0)
    .describe("Closed with 1001 after so long without a byte in either direction; 0 (default): never."),
  maxLifetime: duration.default(0).describe("Closed with 1001 when it is so old; 0 (default): never."),
  grace: duration
    .default(0)
    .describe(
      "How long one goes on after the gateway was told to stop, before it is closed with 1001 (default 0); stopTimeout is the limit.",
    ),
  fromClient: messages
    .optional()
    .describe(
      "What messages of clients must keep to; {} for the protocol alone. Left out: they are not looked at.",
    ),
  fromService: messages
    .optional()
    .describe(
      "What messages of the service must keep to; {} for the protocol alone. Left out: they are not looked at.",
    ),
}) as unknown as z.ZodType<WebSocketConfig>;

const held = z
  .union([z.boolean(), byteSize])
  .default(false)
  .transform((value) => (typeof value === "boolean" ? (value ? HELD_MAX : 0) : value))
  .meta({ title: "true, or a size", examples: ["10MB"] });

/** The option `buffer` of a route. */
export const buffer: z.ZodType<BufferConfig> = z.strictObject({
  request: held.describe(
    "The request is held until it is whole, then sent to the service; up to this size (true: 1MiB), 413 past it. Default: it passes as it comes.",
  ),
  response: held.describe(
    "The answer is held until it is whole, then sent to the client; up to this size (true: 1MiB), 502 past it. Default: it passes as it comes.",
  ),
}) as unknown as z.ZodType<BufferConfig>;
