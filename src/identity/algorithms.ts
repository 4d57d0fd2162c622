import type { KeyObject } from "node:crypto";
import { CompactSign, compactVerify } from "jose";

/** What keys one algorithm works with (RFC 7518 §3, RFC 8037 §3.1, RFC 9864). */
export interface Algorithm {
  readonly family: "hmac" | "rsa" | "ecdsa" | "eddsa";
  /** Octets that a secret has at least. */
  readonly size: number;
  /** The curve that it is made with, as node:crypto names it; empty for none. */
  readonly curve: string;
}

const SIZES = [256, 384, 512] as const;
const CURVES = { 256: "prime256v1", 384: "secp384r1", 512: "secp521r1" } as const;

const ED25519: Algorithm = { family: "eddsa", size: 0, curve: "ed25519" };

/** Algorithms by their names in `alg`. There is no "none". */
export const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  ...SIZES.flatMap((bits): [string, Algorithm][] => [
    [`HS${bits}`, { family: "hmac", size: bits / 8, curve: "" }],
    [`RS${bits}`, { family: "rsa", size: 0, curve: "" }],
    [`PS${bits}`, { family: "rsa", size: 0, curve: "" }],
    [`ES${bits}`, { family: "ecdsa", size: 0, curve: CURVES[bits] }],
  ]),
  ["EdDSA", ED25519],
  ["Ed25519", ED25519],
]);

/** Names of all algorithms, for options. */
export const ALGORITHM_NAMES: readonly string[] = [...ALGORITHMS.keys()];

/** RSA keys below this are refused (RFC 7518 §3.3). */
export const RSA_BITS_MIN = 2_048;

/** Whether a key is of the kind that an algorithm works with, and long enough for it (RFC 7518 §3.2, §3.3). */
export function suits({ family, size, curve }: Algorithm, key: KeyObject): boolean {
  const { type, asymmetricKeyType: kind, asymmetricKeyDetails: details } = key;
  if (family === "hmac") return type === "secret" && (key.symmetricKeySize ?? 0) >= size;
  if (type === "secret") return false;
  switch (family) {
    case "rsa":
      return kind === "rsa" && (details?.modulusLength ?? 0) >= RSA_BITS_MIN;
    case "ecdsa":
      return kind === "ec" && details?.namedCurve === curve;
    case "eddsa":
      return kind === curve;
  }
}

/** Whether a token in its compact form was signed by the holder of the key, with this algorithm and no other. Never rejects. */
export function isSignedBy(token: string, algorithm: string, key: KeyObject): Promise<boolean> {
  return compactVerify(token, key, { algorithms: [algorithm] }).then(
    () => true,
    () => false,
  );
}

/** A token in its compact form. Rejects with what `jose` says of the key. */
export function signedToken(
  header: { readonly alg: string; readonly kid: string; readonly typ: string },
  payload: string,
  key: KeyObject,
): Promise<string> {
  return new CompactSign(Buffer.from(payload)).setProtectedHeader(header).sign(key);
}
