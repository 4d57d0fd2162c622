import { definePolicy, type PolicyDefinition } from "torana";
import { z } from "zod";

/** Counts what was taken; it answers later, as a store over a network does. */
export interface Store {
  /** Takes one of a key's share of this window, and says how many were taken with it. */
  take(key: string, window: number): Promise<number>;
}

/** An asynchronous limit: the step awaits a store, and every answer tells what is left. */
export function limitPolicy(store: Store): PolicyDefinition {
  return definePolicy({
    name: "limit",
    phase: "limit",
    options: z.strictObject({
      limit: z.int().min(1).describe("Requests of one client in a window."),
      window: z.int().min(1).default(60).describe("Length of a window in seconds."),
      field: z.string().default("x-client").describe("Request field that names the client."),
    }),
    reasons: {
      limit_exceeded: { status: 429, source: "downstream", title: "Too many requests of this client." },
    },
    compile({ limit, window, field }, env) {
      const left = env.slot<{ remaining: number; reset: number }>();
      return {
        async request(x) {
          const seconds = Math.floor(env.clock.wall() / 1_000);
          const reset = window - (seconds % window);
          const taken = await store.take(
            x.request.field(field) ?? x.clientAddress,
            Math.floor(seconds / window),
          );
          left.set(x, { remaining: Math.max(0, limit - taken), reset });
          if (taken <= limit) return undefined;
          const reply = x.reject("limit_exceeded");
          reply.fields.set("retry-after", String(reset));
          return reply;
        },
        response(x, reply) {
          const state = left.get(x);
          if (state === undefined) return;
          reply.fields.set("ratelimit-policy", `"client";q=${limit};w=${window}`);
          reply.fields.set("ratelimit", `"client";r=${state.remaining};t=${state.reset}`);
        },
      };
    },
  });
}
