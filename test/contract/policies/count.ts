import { type BodyTransform, definePolicy, type PolicyDefinition } from "torana";
import { z } from "zod";

/** Bytes that one body had, and how it ended. */
export interface Count {
  readonly side: "request" | "response";
  bytes: number;
  end: string;
}

/** Taps both bodies: counts their bytes, and changes nothing whatever it gives back. */
export function countPolicy(counts: Count[]): PolicyDefinition {
  const count = (side: Count["side"], wait: boolean): BodyTransform => {
    const one: Count = { side, bytes: 0, end: "open" };
    counts.push(one);
    const chunk = (bytes: Uint8Array): Uint8Array => {
      one.bytes += bytes.length;
      return Buffer.from("ignored");
    };
    return {
      chunk: wait ? async (bytes) => chunk(bytes) : chunk,
      end: () => {
        one.end = "end";
        return Buffer.from("ignored too");
      },
      fail: ({ code }) => {
        one.end = code;
      },
    };
  };
  return definePolicy({
    name: "count",
    phase: "forward",
    options: z.strictObject({ waits: z.boolean().default(false).describe("It counts later.") }),
    compile: ({ waits }) => ({
      body: { request: "tap", response: "tap" },
      requestBody: () => count("request", waits),
      responseBody: () => count("response", waits),
    }),
  });
}
