import { z } from "zod";
import { byteSize } from "../config/byte-size.ts";
import { duration } from "../config/values.ts";
import { FieldNames } from "../identity/client-copies.ts";
import { algorithmFor, type SigningRules, signRequest } from "../identity/request-signer.ts";
import {
  SIGNATURE_ALGORITHMS,
  type SignatureAlgorithm,
  signingKeyOf,
} from "../identity/signature-algorithms.ts";
import { componentOf } from "../identity/signature-rules.ts";
import { holdRequest } from "../pipeline/body-plan.ts";
import { definePolicy, type PolicyDefinition, type Verdict } from "../pipeline/policy.ts";

/** Fields that the wire writes anew, so that what was signed of them would not be what is sent. */
const OF_THE_WIRE =
  /^"(?:host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|content-length|expect|signature|signature-input)"/;

const component = z.string().transform((written, context) => {
  const known = componentOf(written);
  // What is in trailers is not known when the head goes out.
  const isKnown = known !== undefined && !OF_THE_WIRE.test(known) && !/;tr(?:;|$)/.test(known);
  if (isKnown && !known.startsWith('"@query-param"')) return known;
  context.addIssue({
    code: "custom",
    message:
      "cannot be signed; write @method, @target-uri, @authority, @path, @query, or a field that no connection owns",
  });
  return z.NEVER;
});

/** Signs requests to services, so that they know that the gateway sent them (RFC 9421). */
export const signPolicy: PolicyDefinition = definePolicy({
  name: "sign",
  phase: "forward",
  options: z.strictObject({
    key: z
      .string()
      .min(16, { error: "is shorter than 16 characters; write a private key in PEM, or a longer secret" })
      .meta({ secret: true })
      .describe(
        "What signs: a private key in PEM, or a secret that both sides know; best by ${file:path} or ${env:NAME}.",
      ),
    keyId: z
      .string()
      .regex(/^[\x20-\x7e]{1,200}$/, "not an id; write printable ASCII")
      .describe("Name of the key, which signatures say: keyid."),
    algorithm: z
      .enum(SIGNATURE_ALGORITHMS as [SignatureAlgorithm, ...SignatureAlgorithm[]])
      .optional()
      .describe(
        "How it signs (default: what the key's kind says; rsa-pss-sha512 of RSA, hmac-sha256 of a secret).",
      ),
    covers: z
      .array(component)
      .default(['"@method"', '"@authority"', '"@path"', '"@query"'])
      .describe(
        "Components that are signed (default: @method, @authority, @path, @query); a field that a request lacks is left out.",
      ),
    digest: z
      .enum(["sha-256", "sha-512", "none"])
      .default("sha-256")
      .describe("Content-Digest of the body, which is made and signed (default sha-256)."),
    max: byteSize
      .default(1_048_576)
      .describe(
        "Bytes of a body that is held for its digest at most (default 1 MiB); a larger one gets 413.",
      ),
    expires: duration
      .default(0)
      .describe("How long a signature says that it holds (default 0: it does not say)."),
    nonce: z.boolean().default(false).describe("Each signature has a nonce (default false)."),
    tag: z
      .string()
      .regex(/^[\x20-\x7e]{1,200}$/, "not a tag; write printable ASCII")
      .optional()
      .describe("What the signature is for (default: it does not say)."),
    label: z
      .string()
      .regex(/^[a-z*][a-z0-9_.*-]{0,63}$/, "not a label; write lower-case letters and digits")
      .default("gateway")
      .describe("Name of the signature in its fields (default gateway)."),
  }),
  reasons: {
    sign_body_changed: {
      status: 500,
      source: "gateway",
      title: "The request cannot be signed, since another policy changes its body as it passes.",
    },
  },
  compile({ key: written, keyId, covers, digest, max, expires, nonce, tag, label, algorithm: wanted }, env) {
    const key = signingKeyOf(written);
    const rules: SigningRules = {
      ...{ key, keyId, covers, tag, label, nonce },
      algorithm: algorithmFor(key, wanted),
      digest: digest === "none" ? undefined : digest,
      expires: Math.ceil(expires / 1_000),
    };
    // Signatures of clients were for the gateway; only the gateway's own reaches the service.
    const copies = new FieldNames(["signature", "signature-input"]);
    return {
      ...(digest !== "none" && { withBody: holdRequest(max) }),
      attempt(x, attempt): Promise<Verdict> | undefined {
        copies.removeFrom(attempt.request.fields);
        const settle = (signed: boolean): Verdict => (signed ? undefined : x.reject("sign_body_changed"));
        const signed = signRequest(attempt, rules, env.clock.wall());
        if (signed instanceof Promise) return signed.then(settle);
        return signed ? undefined : Promise.resolve(settle(false));
      },
    };
  },
});
