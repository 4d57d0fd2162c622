import { createHash, timingSafeEqual } from "node:crypto";
import { HeldBody } from "../lib/body.ts";
import type { ReadonlyFields } from "../lib/fields.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { dictionaryOf, octetsOf } from "./structured-fields.ts";

/** A digest of a body as a field says it. */
export interface BodyDigest {
  /** As node:crypto names it. */
  readonly hash: "sha256" | "sha512";
  readonly value: Uint8Array;
}

/** Digests that nobody can make a second body for, by their names in lower case (RFC 9530 §5). */
const HASHES: Readonly<Record<string, BodyDigest["hash"] | undefined>> = {
  __proto__: null as never,
  "sha-256": "sha256",
  "sha-512": "sha512",
};
const SIZES = { sha256: 32, sha512: 64 } as const;

/**
 * The digests that `Content-Digest` says (RFC 9530 §2); those of algorithms that are broken or not known are left out.
 * Undefined where the field is not there, cannot be read, or has no other.
 */
export function contentDigests(fields: ReadonlyFields): readonly BodyDigest[] | undefined {
  const text = fields.get("content-digest");
  const members = text === undefined ? undefined : dictionaryOf(text);
  if (members === undefined) return undefined;
  const digests: BodyDigest[] = [];
  for (const [name, member] of members) {
    const hash = HASHES[name];
    if (hash === undefined) continue;
    const value = octetsOf(member);
    if (value?.length !== SIZES[hash]) return undefined;
    digests.push({ hash, value });
  }
  return digests.length === 0 ? undefined : digests;
}

/** The same of `Digest` (RFC 3230): `SHA-256=` and base64, which clients of older schemes send. */
export function oldDigests(fields: ReadonlyFields): readonly BodyDigest[] | undefined {
  const text = fields.get("digest");
  if (text === undefined) return undefined;
  const digests: BodyDigest[] = [];
  for (const member of text.split(",")) {
    const [, name = "", encoded = ""] =
      /^[ \t]*([A-Za-z0-9-]+)=([A-Za-z0-9+/]+={0,2})[ \t]*$/.exec(member) ?? [];
    const hash = HASHES[name.toLowerCase()];
    if (name === "") return undefined;
    if (hash === undefined) continue;
    const value = Buffer.from(encoded, "base64");
    if (value.length !== SIZES[hash]) return undefined;
    digests.push({ hash, value });
  }
  return digests.length === 0 ? undefined : digests;
}

/** Whether a body has all these digests; a request without one counts as an empty body. */
export function hasDigests(x: Exchange, digests: readonly BodyDigest[]): boolean {
  const { body } = x.outgoing;
  if (body !== undefined && !(body instanceof HeldBody)) return false;
  const bytes = body?.bytes() ?? new Uint8Array(0);
  return digests.every(({ hash, value }) => timingSafeEqual(createHash(hash).update(bytes).digest(), value));
}

/** Whether a request carries a body that could say something. */
export function hasBody({ request }: Exchange): boolean {
  return request.body !== undefined && request.body.length !== 0;
}
