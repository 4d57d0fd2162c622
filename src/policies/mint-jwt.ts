import { z } from "zod";
import { duration, oneOrMany } from "../config/values.ts";
import { ALGORITHM_NAMES } from "../identity/algorithms.ts";
import { compileCleanse } from "../identity/client-copies.ts";
import { fingerprint } from "../identity/fingerprint.ts";
import { identitySource, readerOf } from "../identity/identity-source.ts";
import { signingKey, TokenMinter } from "../identity/token-minter.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";
import { editableField } from "../pipeline/template-options.ts";

/** Claims that the policy writes itself. */
const OWN = ["iss", "sub", "aud", "exp", "iat", "nbf"];

const claims = z.record(z.string().min(1), identitySource).superRefine((map, context) => {
  for (const name of Object.keys(map))
    if (OWN.includes(name))
      context.addIssue({
        code: "custom",
        path: [name],
        message: `${name} is written by the options of its own`,
      });
});

/** Tells services who calls by a token that the gateway signs for them. */
export const mintJwt: PolicyDefinition = definePolicy({
  name: "mint-jwt",
  phase: "request",
  options: z.strictObject({
    key: z
      .union([z.string(), z.record(z.string(), z.unknown())])
      .meta({ secret: true })
      .describe("Private key that signs: PEM, or a JSON Web Key."),
    algorithm: z
      .enum(ALGORITHM_NAMES)
      .optional()
      .describe(
        "How it signs (default: what the key says, else RS256, ES256, ES384, ES512 or EdDSA by its kind).",
      ),
    keyId: z
      .string()
      .min(1)
      .optional()
      .describe("kid of the tokens (default: the key's own, else its thumbprint)."),
    issuer: z.string().min(1).describe("What iss says."),
    audience: oneOrMany(z.string().min(1)).describe("What aud says (default: nothing)."),
    ttl: duration
      .default(300_000)
      .describe("How long a token lives (default 5m); one is used for half of that."),
    subject: identitySource
      .optional()
      .describe("What sub says (default: consumer.name, and claims.sub where there is no consumer)."),
    claims: claims
      .default({})
      .describe(
        "What else is said, by the names of claims: consumer.groups, consumer.metadata.NAME, credential, claims.NAME.",
      ),
    header: editableField
      .default("authorization")
      .describe(
        "Field that carries the token (default authorization, then behind the word Bearer); a client's own is taken away.",
      ),
  }),
  compile({ key, algorithm, keyId, issuer, audience, ttl, subject, header, ...given }, env) {
    if (ttl < 2_000)
      throw new Error("ttl: a token of less than two seconds is over before it is read; write 2s or more");
    const signing = signingKey(key as string, algorithm, keyId);
    const minter = env.keep(`mint-jwt ${fingerprint([key, algorithm, keyId, ttl])}`, () =>
      Object.assign(new TokenMinter(signing, ttl, env.clock), { close: () => undefined }),
    );
    const sub = subject === undefined ? subjectOf : readerOf(subject)!;
    const told = Object.entries(given.claims).map(([name, source]) => [name, readerOf(source)!] as const);
    const aud = audience.length === 1 ? audience[0] : audience.length > 1 ? audience : undefined;
    const name = header.toLowerCase();
    const cleanse = compileCleanse([name]);
    const prefix = name === "authorization" ? "Bearer " : "";
    const text = (x: Exchange): string => {
      const says: Record<string, unknown> = { iss: issuer, sub: sub(x), aud };
      for (const [claim, read] of told) says[claim] = read(x);
      return JSON.stringify(says).slice(1, -1);
    };
    return (x) => {
      cleanse(x);
      if (x.consumer === undefined && x.claims === undefined) return undefined;
      const put = (token: string): undefined => void x.outgoing.fields.put(name, prefix + token);
      const token = minter.mint(text(x));
      return typeof token === "string" ? put(token) : token.then(put);
    };
  },
});

function subjectOf(x: Exchange): unknown {
  return x.consumer?.name ?? x.claims?.["sub"];
}
