import type { KeyObject } from "node:crypto";
import { HeldBody } from "../lib/body.ts";
import type { Consumers, Credential } from "../pipeline/consumer.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { type BodyDigest, contentDigests } from "./body-digest.ts";
import {
  algorithmsOf,
  isSignatureOf,
  publicKeyOf,
  type SignatureAlgorithm,
  type SignatureKey,
} from "./signature-algorithms.ts";
import { NoComponent, type SignedMessage, signatureBase } from "./signature-components.ts";
import type { MessageSignature } from "./signature-input.ts";
import { faultOf, type SignatureFault, type SignatureRules } from "./signature-rules.ts";

/** A signature that holds, if the body does. */
export interface VerifiedSignature {
  readonly signature: MessageSignature;
  readonly credential: Credential;
  /** What was signed. */
  readonly base: string;
  /** Digests that the body must have; undefined where none is covered. */
  readonly digests: readonly BodyDigest[] | undefined;
}

/** Keys that were read from their PEM, for as long as their credentials are remembered. */
const keys = new WeakMap<Credential, KeyObject>();

/** The message that an exchange's request is, as its client sent it. */
export function messageOf({ request, outgoing }: Exchange): SignedMessage {
  const { method, scheme, authority, writtenPath: path, query, fields } = request;
  // Trailers are known where somebody before has held the body.
  const trailers = outgoing.body instanceof HeldBody ? outgoing.body.trailers : undefined;
  return { request: { method, scheme, authority, path, query }, fields, trailers };
}

/** Holds one signature of a request against rules, clock and consumers. `now` in milliseconds since 1970. */
export function verified(
  x: Exchange,
  one: MessageSignature,
  rules: SignatureRules,
  now: number,
): VerifiedSignature | SignatureFault {
  const fault = faultOf(x, one, rules, now);
  if (fault !== undefined) return fault;
  const digests = digestsOf(x, one);
  if (digests === "malformed") return ["signature_malformed", "Content-Digest has no SHA-256 or SHA-512"];
  const found = keyFor(x.snapshot.consumers, one.keyId!);
  const base = baseOf(x, one);
  if (typeof base !== "string") return base;
  if (found === undefined) return ["signature_wrong"];
  const algorithm = algorithmFor(found.key, one.algorithm, rules.algorithms);
  if (algorithm === undefined) return ["signature_algorithm"];
  if (!isSignatureOf(algorithm, found.key, base, one.signature)) return ["signature_wrong"];
  return { signature: one, credential: found.credential, base, digests };
}

function baseOf(x: Exchange, one: MessageSignature): string | SignatureFault {
  try {
    return signatureBase(messageOf(x), one.components, one.text);
  } catch (error) {
    if (error instanceof NoComponent) return ["signature_malformed", error.message];
    throw error;
  }
}

/** What the body must be where it is covered in whatever way. */
function digestsOf(
  { request }: Exchange,
  { components }: MessageSignature,
): readonly BodyDigest[] | "malformed" | undefined {
  if (!components.some(([name, parameters]) => name === "content-digest" && !parameters.has("tr")))
    return undefined;
  return contentDigests(request.fields) ?? "malformed";
}

/** A public key before a secret: no secret can take its place. */
function keyFor(consumers: Consumers, id: string): { credential: Credential; key: SignatureKey } | undefined {
  const credential = consumers.find("signature", id);
  if (credential === undefined) {
    const secret = consumers.find("hmac", id);
    return secret && { credential: secret, key: secret.proof };
  }
  let key = keys.get(credential);
  if (key === undefined) {
    key = publicKeyOf(credential.proof);
    if (key === undefined) return undefined;
    keys.set(credential, key);
  }
  return { credential, key };
}

function algorithmFor(
  key: SignatureKey,
  said: string | undefined,
  allowed: ReadonlySet<SignatureAlgorithm>,
): SignatureAlgorithm | undefined {
  return algorithmsOf(key).find((one) => allowed.has(one) && (said === undefined || said === one));
}
