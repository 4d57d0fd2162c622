import { type BodyTransform, definePolicy, type PolicyDefinition } from "torana";
import { z } from "zod";

/** A streaming transform: replaces a text in bodies, also where it comes in two pieces. */
export const rewrite: PolicyDefinition = definePolicy({
  name: "rewrite",
  phase: "request",
  options: z.strictObject({
    from: z.string().min(1).describe("Text to find."),
    to: z.string().describe("Text in its place."),
    side: z.enum(["request", "response"]).describe("Whose body."),
    waits: z.boolean().default(false).describe("Every piece is kept waiting for a while."),
    tail: z.string().default("").describe("Text behind the end."),
  }),
  compile({ from, to, side, waits, tail }) {
    const make = (): BodyTransform => {
      const plain = replacing(from, to, tail);
      return waits ? late(plain) : plain;
    };
    return side === "request"
      ? { body: { request: "stream" }, requestBody: make }
      : { body: { response: "stream" }, responseBody: make };
  },
});

interface PlainTransform extends BodyTransform {
  chunk(bytes: Uint8Array): Uint8Array | undefined;
  end(): Uint8Array | undefined;
}

function replacing(from: string, to: string, tail: string): PlainTransform {
  let held = "";
  return {
    chunk(bytes) {
      const text = held + Buffer.from(bytes).toString("latin1");
      const done = text.replaceAll(from, to);
      // What may be the beginning of the text waits for the next piece.
      let keep = Math.min(from.length - 1, done.length);
      while (keep > 0 && !from.startsWith(done.slice(-keep))) keep--;
      held = done.slice(done.length - keep);
      const ready = done.slice(0, done.length - keep);
      return ready === "" ? undefined : Buffer.from(ready, "latin1");
    },
    end: () => Buffer.from(held + tail, "latin1"),
  };
}

function late(plain: PlainTransform): BodyTransform {
  let under = 0;
  const wait = async <T>(make: () => T): Promise<T> => {
    under++;
    if (under > 1) throw new Error("a piece came before the last one was done with");
    await new Promise((done) => setImmediate(done));
    under--;
    return make();
  };
  return { chunk: (bytes) => wait(() => plain.chunk(bytes)), end: () => wait(() => plain.end()) };
}
