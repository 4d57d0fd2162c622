import {
  constants,
  createHmac,
  type KeyObject,
  sign as signWith,
  timingSafeEqual,
  verify as verifyWith,
} from "node:crypto";

/** How signatures of one algorithm are made (RFC 7518 §3, RFC 8037 §3.1, RFC 9864). */
export interface Algorithm {
  readonly family: "hmac" | "rsa" | "pss" | "ecdsa" | "eddsa";
  /** Digest, as node:crypto names it; empty where the key says. */
  readonly hash: string;
  /** Octets of the digest. */
  readonly size: number;
  /** Curves that it is made with, as node:crypto names them; empty for none. */
  readonly curves: readonly string[];
  /** Octets of a signature; 0 where the key says. */
  readonly length: number;
}

const SIZES = [256, 384, 512] as const;
const CURVES = { 256: "prime256v1", 384: "secp384r1", 512: "secp521r1" } as const;
const LENGTHS = { 256: 64, 384: 96, 512: 132 } as const;

function eddsa(...curves: readonly string[]): Algorithm {
  return { family: "eddsa", hash: "", size: 0, curves, length: 0 };
}

/** Algorithms by their names in `alg`. There is no "none". */
export const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  ...SIZES.flatMap((bits): [string, Algorithm][] => {
    const common = { hash: `sha${bits}`, size: bits / 8, curves: [], length: 0 };
    return [
      [`HS${bits}`, { ...common, family: "hmac", length: bits / 8 }],
      [`RS${bits}`, { ...common, family: "rsa" }],
      [`PS${bits}`, { ...common, family: "pss" }],
      [`ES${bits}`, { ...common, family: "ecdsa", curves: [CURVES[bits]], length: LENGTHS[bits] }],
    ];
  }),
  ["EdDSA", eddsa("ed25519", "ed448")],
  ["Ed25519", eddsa("ed25519")],
  ["Ed448", eddsa("ed448")],
]);

/** Names of all algorithms, for options. */
export const ALGORITHM_NAMES: readonly string[] = [...ALGORITHMS.keys()];

/** RSA keys below this are refused (RFC 7518 §3.3). */
export const RSA_BITS_MIN = 2_048;

/** Whether a key is of the kind that an algorithm works with, and long enough for it (RFC 7518 §3.2, §3.3). */
export function suits({ family, size, curves }: Algorithm, key: KeyObject): boolean {
  const { type, asymmetricKeyType: kind = "", asymmetricKeyDetails: details } = key;
  if (family === "hmac") return type === "secret" && (key.symmetricKeySize ?? 0) >= size;
  if (type === "secret") return false;
  switch (family) {
    case "rsa":
      return kind === "rsa" && (details?.modulusLength ?? 0) >= RSA_BITS_MIN;
    case "pss":
      return (kind === "rsa" || kind === "rsa-pss") && (details?.modulusLength ?? 0) >= RSA_BITS_MIN;
    case "ecdsa":
      return kind === "ec" && curves.includes(details?.namedCurve ?? "");
    case "eddsa":
      return curves.includes(kind);
  }
}

/** Whether a signature was made of the data by the holder of the key. The key must suit the algorithm. */
export function isSignedBy(
  algorithm: Algorithm,
  key: KeyObject,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  const { family, hash, length } = algorithm;
  if (signature.length === 0 || (length !== 0 && signature.length !== length)) return false;
  if (family === "hmac") return timingSafeEqual(createHmac(hash, key).update(data).digest(), signature);
  try {
    return verifyWith(hash || null, data, { key, ...detailsOf(algorithm) }, signature);
  } catch {
    return false;
  }
}

/** Signs data. What takes long (RSA) is done beside the event loop. Rejects with what node:crypto says of the key. */
export function signed(algorithm: Algorithm, key: KeyObject, data: Uint8Array): Promise<Buffer> {
  const { family, hash } = algorithm;
  if (family === "hmac") return Promise.resolve(createHmac(hash, key).update(data).digest());
  return new Promise((resolve, reject) => {
    signWith(hash || null, data, { key, ...detailsOf(algorithm) }, (error, signature) => {
      if (error === null) resolve(signature);
      else reject(error);
    });
  });
}

function detailsOf({ family }: Algorithm): object {
  if (family === "pss")
    return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return family === "ecdsa" ? { dsaEncoding: "ieee-p1363" } : {};
}
