import { z } from "zod";
import { duration } from "../config/values.ts";
import { publishedKey } from "../identity/token-minter.ts";
import { HeldBody } from "../lib/body.ts";
import { Reply } from "../lib/reply.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";

/** Answers with the public halves of keys, so that services can check the tokens of `mint-jwt`. */
export const jwks: PolicyDefinition = definePolicy({
  name: "jwks",
  phase: "request",
  answers: true,
  options: z.strictObject({
    keys: z
      .array(z.union([z.string(), z.record(z.string(), z.unknown())]))
      .min(1)
      .meta({ secret: true })
      .describe(
        "Keys whose public halves are published: private or public, PEM or JSON Web Keys. While a key is changed for another both stand here.",
      ),
    maxAge: duration.default(300_000).describe("How long readers may keep the answer (default 5m)."),
  }),
  compile({ keys, maxAge }) {
    const published = keys.map((key, i) => {
      try {
        return publishedKey(key as string);
      } catch (error) {
        throw new Error(`keys[${i}]: ${(error as Error).message}`);
      }
    });
    const ids = published.map(({ kid }) => kid);
    if (new Set(ids).size < ids.length)
      throw new Error("keys: two have the same kid; give one of them another");
    const body = new HeldBody(JSON.stringify({ keys: published }));
    const cacheControl = `public, max-age=${Math.floor(maxAge / 1_000)}`;
    return () => {
      const reply = new Reply(200);
      reply.fields.put("content-type", "application/jwk-set+json");
      reply.fields.put("cache-control", cacheControl);
      reply.body = body;
      return reply;
    };
  },
});
