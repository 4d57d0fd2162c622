import { z } from "zod";
import { compileJsonSchema, type JsonSchema } from "../lib/json-schema.ts";
import { SchemaError } from "../lib/json-schema-error.ts";
import { byteSize } from "./byte-size.ts";

/** What messages of one direction of a WebSocket must keep to; sizes in bytes, 0 for no limit. */
export interface MessagesConfig {
  readonly maxMessage: number;
  readonly maxFrame: number;
  readonly messagesPerSecond: number;
  /** Messages that may come at once; undefined for those of a second. */
  readonly burst?: number | undefined;
  readonly onExcess: "close" | "delay";
  readonly kinds: readonly ("text" | "binary")[];
  readonly utf8: boolean;
  readonly schema?: JsonSchema | undefined;
  readonly onInvalid: "close" | "drop";
}

const jsonSchema = z
  .union([z.boolean(), z.record(z.string(), z.unknown())], {
    error: "not a JSON Schema; write an object: { type: object, … }",
  })
  .superRefine((value, context) => {
    try {
      compileJsonSchema(value as JsonSchema);
    } catch (error) {
      if (!(error instanceof SchemaError)) throw error;
      context.addIssue({ code: "custom", path: [...error.path], message: error.message });
    }
  })
  .meta({ title: "a JSON Schema", examples: [{ type: "object" }] });

/** The options `fromClient` and `fromService` of a route's `websocket`. */
export const messages: z.ZodType<MessagesConfig> = z
  .strictObject({
    maxMessage: byteSize
      .default(0)
      .describe(
        "Size of a message, its fragments together; past it the WebSocket is closed with 1009. 0 (default): no limit, or 1MiB where utf8 or schema is set.",
      ),
    maxFrame: byteSize
      .default(0)
      .describe("Size of one frame; past it the WebSocket is closed with 1009. 0 (default): no limit."),
    messagesPerSecond: z
      .number()
      .min(0)
      .max(1_000_000)
      .default(0)
      .describe("Messages that may come on one WebSocket in a second, pings counted; 0 (default): no limit."),
    burst: z.int().min(1).optional().describe("Messages that may come at once; left out: those of a second."),
    onExcess: z
      .enum(["close", "delay"])
      .default("close")
      .describe(
        "What too many messages do: close (default) with 1008, or delay: they wait, and their sender with them.",
      ),
    kinds: z
      .array(z.enum(["text", "binary"]))
      .min(1)
      .default(["text", "binary"])
      .describe(
        "Kinds of messages that pass; others close the WebSocket with 1003. Default: [text, binary].",
      ),
    utf8: z
      .boolean()
      .default(false)
      .describe(
        "Whether texts are held until they are whole, and what is not UTF-8 closes with 1007 (default false).",
      ),
    schema: jsonSchema
      .optional()
      .describe(
        "A JSON Schema (draft 2020-12, or draft-07 by $schema) that every text must keep to; texts are held until they are whole.",
      ),
    onInvalid: z
      .enum(["close", "drop"])
      .default("close")
      .describe(
        "What a text does that does not keep to the schema: close (default) with 1008, or drop: it is left out and its sender told.",
      ),
  })
  .refine(({ burst, messagesPerSecond }) => burst === undefined || messagesPerSecond > 0, {
    path: ["burst"],
    message: "burst says nothing without messagesPerSecond; write both",
  })
  .refine(({ onExcess, messagesPerSecond }) => onExcess === "close" || messagesPerSecond > 0, {
    path: ["onExcess"],
    message: "onExcess says nothing without messagesPerSecond; write both",
  })
  .refine(({ onInvalid, schema }) => onInvalid === "close" || schema !== undefined, {
    path: ["onInvalid"],
    message: "onInvalid says nothing without schema; write both",
  })
  .superRefine(({ kinds, utf8, schema }, context) => {
    if (kinds.includes("text")) return;
    for (const [key, says] of Object.entries({ utf8, schema: schema !== undefined }))
      if (says)
        context.addIssue({
          code: "custom",
          path: [key],
          message: `${key} is about texts, and kinds lets no text pass; add text to kinds, or leave ${key} out`,
        });
  }) as unknown as z.ZodType<MessagesConfig>;
