import type { WebSocketConfig } from "../config/route-options.ts";
import type { MessagesConfig } from "../config/websocket-schema.ts";
import { compileJsonSchema, type JsonSchema } from "../lib/json-schema.ts";
import type { MessageRate, MessageRules } from "../lib/websocket-rules.ts";
import type { MessageLimits } from "../pipeline/message-guard.ts";

/** Where messages of one side are looked at, those of the other are held to the protocol. */
const PROTOCOL: MessagesConfig = {
  maxMessage: 0,
  maxFrame: 0,
  messagesPerSecond: 0,
  onExcess: "close",
  kinds: ["text", "binary"],
  utf8: false,
  onInvalid: "close",
};

/** What the messages of a route's WebSockets keep to; undefined where they are not looked at. */
export function messageLimitsOf(websocket: WebSocketConfig): MessageLimits | undefined {
  const { fromClient, fromService } = websocket;
  if (fromClient === undefined && fromService === undefined) return undefined;
  return Object.freeze({
    fromClient: rulesOf(fromClient ?? PROTOCOL),
    fromService: rulesOf(fromService ?? PROTOCOL),
    compression: extensionsOf(websocket) === "compression",
  });
}

/**
 * Extensions that a client may offer: none where the content of messages counts or their whole size, which compression
 * would hide; compression where only frames do.
 */
export function extensionsOf({ fromClient, fromService }: WebSocketConfig): "all" | "compression" | "none" {
  const sides = [fromClient, fromService].filter((side) => side !== undefined);
  if (sides.length === 0) return "all";
  const looksInside = sides.some(
    ({ maxMessage, utf8, schema }) => maxMessage > 0 || utf8 || schema !== undefined,
  );
  return looksInside ? "none" : "compression";
}

function rulesOf(config: MessagesConfig): MessageRules {
  const { maxMessage, maxFrame, kinds, utf8, schema, onInvalid } = config;
  return Object.freeze({
    maxMessage,
    maxFrame,
    text: kinds.includes("text"),
    binary: kinds.includes("binary"),
    rate: rateOf(config),
    utf8,
    check: schema === undefined ? undefined : textCheck(schema),
    drops: onInvalid === "drop",
  });
}

function rateOf({ messagesPerSecond, burst, onExcess }: MessagesConfig): MessageRate | undefined {
  if (messagesPerSecond === 0) return undefined;
  return Object.freeze({
    perSecond: messagesPerSecond,
    burst: burst ?? Math.max(1, Math.ceil(messagesPerSecond)),
    delays: onExcess === "delay",
  });
}

function textCheck(schema: JsonSchema): (text: string) => string | undefined {
  const check = compileJsonSchema(schema);
  return (text) => {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return "is not JSON";
    }
    return check(value);
  };
}
