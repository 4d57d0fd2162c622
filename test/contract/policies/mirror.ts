import { definePolicy, HeldBody, type PolicyDefinition, Reply } from "torana";
import { z } from "zod";

/** Sends a copy of every request elsewhere; what becomes of the copy is never felt by the client. */
export const mirror: PolicyDefinition = definePolicy({
  name: "mirror",
  phase: "request",
  options: z.strictObject({ to: z.string().min(1).describe("Host of the route that gets the copies.") }),
  compile: ({ to }) => ({
    body: { request: "buffer" },
    request(x) {
      if (x.depth > 0) return undefined;
      const { body } = x.outgoing;
      void x.fork(
        { authority: to, fields: x.request.fields, ...(body instanceof HeldBody && { body }) },
        { detached: true },
      );
      return undefined;
    },
  }),
});

/** Asks elsewhere first, and waits for it: 204 lets the request go on, all else is the answer. */
export const askFirst: PolicyDefinition = definePolicy({
  name: "ask-first",
  phase: "authorize",
  options: z.strictObject({
    host: z.string().min(1).describe("Host of the route to ask."),
    target: z.string().default("/may").describe("Path and query to ask."),
  }),
  compile: ({ host, target }) => ({
    async request(x) {
      if (x.depth > 0) return undefined;
      const answer = await x.fork({ method: "GET", authority: host, target });
      if (answer.status === 204) return undefined;
      const { status, fields, body, trailers } = answer;
      return new Reply(status, fields.clone(), new HeldBody(body, trailers?.clone()));
    },
  }),
});
