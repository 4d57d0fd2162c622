import { definePolicy, Fields, HeldBody, type PolicyDefinition, Reply } from "torana";
import { z } from "zod";

interface Copy {
  readonly fields: Fields;
  readonly body: HeldBody;
  readonly at: number;
}

/** Keeps the last good answer to each target, and gives it when the service gives none. */
export const stale: PolicyDefinition = definePolicy({
  name: "stale",
  phase: "cache",
  options: z.strictObject({
    for: z.int().min(1).describe("Seconds that a copy may be given."),
    waits: z.boolean().default(false).describe("The store answers later."),
  }),
  compile(options, env) {
    const copies = new Map<string, Copy>();
    const from = env.slot<Copy>();
    const find = (key: string): Copy | undefined => {
      const copy = copies.get(key);
      return copy && env.clock.now() - copy.at < options.for * 1_000 ? copy : undefined;
    };
    return {
      body: { response: "buffer", max: 10_000 },
      async recover(x, failure) {
        if (options.waits) await new Promise((done) => setImmediate(done));
        const copy = find(x.request.path + x.request.query);
        if (copy === undefined) return undefined;
        from.set(x, copy);
        const reply = new Reply(200, copy.fields.clone(), copy.body);
        reply.fields.set("x-stale", failure.code);
        return reply;
      },
      response(x, reply) {
        if (reply.status !== 200 || from.get(x) !== undefined || !(reply.body instanceof HeldBody)) return;
        const fields = Fields.from(
          [...reply.fields.entries()].filter(([name]) => name.startsWith("content-")),
        );
        copies.set(x.request.path + x.request.query, { fields, body: reply.body, at: env.clock.now() });
      },
      close: () => copies.clear(),
    };
  },
});
