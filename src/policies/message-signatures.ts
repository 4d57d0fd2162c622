import { z } from "zod";
import { byteSize } from "../config/byte-size.ts";
import { duration } from "../config/values.ts";
import { hasDigests } from "../identity/body-digest.ts";
import { lifeOf } from "../identity/credential-life.ts";
import { realmOption } from "../identity/realm.ts";
import { type Replay, ReplayGuard, replayOptions } from "../identity/replay-guard.ts";
import { SIGNATURE_ALGORITHMS, type SignatureAlgorithm } from "../identity/signature-algorithms.ts";
import { type MessageSignature, messageSignatures } from "../identity/signature-input.ts";
import { coverOf, type SignatureFault, type SignatureRules } from "../identity/signature-rules.ts";
import { type VerifiedSignature, verified } from "../identity/signature-verifier.ts";
import { type Authentication, Denied, defineAuthenticator } from "../pipeline/authenticator.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { PolicyDefinition } from "../pipeline/policy.ts";

const MALFORMED = new Denied("signature_malformed", "Signature-Input and Signature cannot be read");
const EXPIRED = new Denied("signature_key_expired");
const EARLY = new Denied("signature_key_not_yet");
const DIGEST = new Denied("signature_digest_wrong");
const AGAIN = new Denied("signature_replayed");
const DOWN = new Denied("signature_store_down");

/** Signatures that are held against keys at most: each costs a verification. */
const TRIES_MAX = 4;

const component = z.string().transform((written, context) => {
  const known = coverOf(written);
  if (known !== undefined) return known;
  context.addIssue({
    code: "custom",
    message: 'not a component; write @method, content-digest, or "@query-param";name="id"',
  });
  return z.NEVER;
});

const denied = (title: string, status = 401) => ({ status, source: "downstream" as const, title });

/** Knows consumers by signatures of their requests (RFC 9421). */
export const messageSignaturesPolicy: PolicyDefinition = defineAuthenticator({
  name: "message-signatures",
  options: z.strictObject({
    covers: z
      .array(component)
      .default(['"@method"', '"@target-uri"'])
      .describe(
        'Components that a signature must cover: @method, @target-uri, a field\'s name, "@query-param";name="id" (default: @method, @target-uri). What covers more counts as well.',
      ),
    algorithms: z
      .array(z.enum(SIGNATURE_ALGORITHMS as [SignatureAlgorithm, ...SignatureAlgorithm[]]))
      .min(1)
      .default([...SIGNATURE_ALGORITHMS])
      .describe(
        "Algorithms that are taken (default: all six of RFC 9421); which of them is meant is the key's word.",
      ),
    tag: z
      .string()
      .regex(/^[\x20-\x7e]{1,200}$/, "not a tag; write printable ASCII")
      .optional()
      .describe("Only signatures with this tag count (default: any)."),
    maxAge: duration
      .default(300_000)
      .describe("How long after its creation a signature counts (default 5m)."),
    clockSkew: duration
      .default(30_000)
      .describe("How far the signer's clock may be from the gateway's (default 30s)."),
    body: z
      .enum(["required", "checked"])
      .default("required")
      .describe(
        "A request with a body must cover its Content-Digest (required, the default), or may leave the body open (checked: what is covered is checked).",
      ),
    max: byteSize.default(1_048_576).describe("Bytes of a body that is checked at most (default 1 MiB)."),
    nonce: z
      .enum(["required", "optional"])
      .default("optional")
      .describe("Whether a signature must have a nonce (default optional)."),
    ...replayOptions,
    realm: realmOption,
  }),
  reasons: {
    signature_missing: denied("The request is not signed as it must be here."),
    signature_malformed: denied("The request's signature cannot be read, or covers what is not there."),
    signature_insufficient: denied("The signature does not cover what it must."),
    signature_untimely: denied("The signature is too old, has expired, or was created in the future."),
    signature_algorithm: denied("The key does not work with an algorithm that is taken here."),
    signature_wrong: denied("The key is not known, or the signature was not made with it."),
    signature_key_expired: denied("The key has expired."),
    signature_key_not_yet: denied("The key is not valid yet."),
    signature_digest_wrong: denied("The body is not the one that was signed."),
    signature_replayed: denied("The signature was used before."),
    signature_store_down: {
      status: 503,
      source: "gateway",
      title: "Whether the signature was used before cannot be found out now.",
    },
  },
  compile(options, env) {
    const { covers, algorithms, tag, maxAge, clockSkew, body, max, nonce, replay, store, realm } = options;
    const rules: SignatureRules = {
      ...{ covers, tag, maxAge, clockSkew, algorithms: new Set(algorithms) },
      ...{ bodyRequired: body === "required", nonceRequired: nonce === "required" },
    };
    const guard =
      replay === "refuse"
        ? new ReplayGuard(env, "message-signatures", store, maxAge + 2 * clockSkew)
        : undefined;
    const wanted = acceptSignature(rules);
    const confirm = (found: VerifiedSignature) =>
      found.digests && { max, check: (x: Exchange) => (hasDigests(x, found.digests!) ? undefined : DIGEST) };
    const admit = (found: VerifiedSignature, now: number): Authentication | Promise<Authentication> => {
      const { credential, signature, base } = found;
      const life = lifeOf(credential, now);
      if (life !== "valid") return life === "expired" ? EXPIRED : EARLY;
      const check = confirm(found);
      const identity = {
        ...{ consumer: credential.consumer, credential: credential.id, hide },
        ...(check && { confirm: check }),
      };
      // A nonce counts once; without one the same request of the same second does.
      const used = guard?.use(
        signature.keyId!,
        signature.nonce === undefined ? `base ${base}` : `nonce ${signature.nonce}`,
      );
      if (used === undefined) return identity;
      const settle = (late: Replay): Authentication =>
        late === "first" ? identity : late === "again" ? AGAIN : DOWN;
      return used instanceof Promise ? used.then(settle) : settle(used);
    };
    return {
      missing: "signature_missing",
      hide,
      challenge: `Signature realm="${realm}"`,
      readsBody: true,
      response: (x, reply) => {
        if (reply.status === 401 && x.failure !== undefined) reply.fields.set("accept-signature", wanted);
        return undefined;
      },
      authenticate(x) {
        const sent = messageSignatures(x.request.fields);
        if (sent === undefined) return undefined;
        if (sent === "malformed") return MALFORMED;
        const now = env.clock.wall();
        const found = firstThatHolds(x, sent, rules, now);
        if (found === undefined) return undefined;
        return isFault(found) ? new Denied(found[0], found[1]) : admit(found, now);
      },
    };
  },
});

/** Of several signatures the first that holds, or what is wrong with the first; undefined where none has the tag. */
function firstThatHolds(
  x: Exchange,
  sent: readonly MessageSignature[],
  rules: SignatureRules,
  now: number,
): VerifiedSignature | SignatureFault | undefined {
  let fault: SignatureFault | undefined;
  let tries = 0;
  for (const one of sent) {
    if (rules.tag !== undefined && one.tag !== rules.tag) continue;
    if (tries++ === TRIES_MAX) break;
    const found = verified(x, one, rules, now);
    if (!isFault(found)) return found;
    fault ??= found;
  }
  return fault;
}

function isFault(found: VerifiedSignature | SignatureFault): found is SignatureFault {
  return Array.isArray(found);
}

function hide({ outgoing: { fields } }: Exchange): void {
  fields.remove("signature");
  fields.remove("signature-input");
}

/** What a 401 asks for (RFC 9421 §5.1). */
function acceptSignature({ covers, tag, bodyRequired }: SignatureRules): string {
  const digest = '"content-digest"';
  const components = bodyRequired && !covers.includes(digest) ? [...covers, digest] : covers;
  const tagged = tag === undefined ? "" : `;tag="${tag.replace(/[\\"]/g, "\\$&")}"`;
  return `sig=(${components.join(" ")});created;keyid${tagged}`;
}
