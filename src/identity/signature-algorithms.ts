import {
  constants,
  createHmac,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign as signWith,
  timingSafeEqual,
  verify as verifyWith,
} from "node:crypto";

/** Algorithms of message signatures by their registered names (RFC 9421 §3.3). */
export type SignatureAlgorithm =
  | "rsa-pss-sha512"
  | "rsa-v1_5-sha256"
  | "hmac-sha256"
  | "ecdsa-p256-sha256"
  | "ecdsa-p384-sha384"
  | "ed25519";

/** All of them; of two that fit one key the first is meant where nothing is said. */
export const SIGNATURE_ALGORITHMS: readonly SignatureAlgorithm[] = [
  ...(["rsa-pss-sha512", "rsa-v1_5-sha256", "hmac-sha256"] as const),
  ...(["ecdsa-p256-sha256", "ecdsa-p384-sha384", "ed25519"] as const),
];

/** RSA keys below this are refused. */
const RSA_BITS_MIN = 2_048;

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 };
const IEEE = { dsaEncoding: "ieee-p1363" } as const;
const DETAILS: Readonly<
  Record<Exclude<SignatureAlgorithm, "hmac-sha256">, readonly [hash: string | null, details: object]>
> = {
  "rsa-pss-sha512": ["sha512", PSS],
  "rsa-v1_5-sha256": ["sha256", {}],
  "ecdsa-p256-sha256": ["sha256", IEEE],
  "ecdsa-p384-sha384": ["sha384", IEEE],
  ed25519: [null, {}],
};

/** A key that is looked up by its id: a public one, or a secret that both sides know. */
export type SignatureKey = KeyObject | string;

/** The algorithms that a key works with: never a signature's own word. */
export function algorithmsOf(key: SignatureKey): readonly SignatureAlgorithm[] {
  if (typeof key === "string") return ["hmac-sha256"];
  if (key.type === "secret") return ["hmac-sha256"];
  const { asymmetricKeyType: kind, asymmetricKeyDetails: details } = key;
  const strong = (details?.modulusLength ?? 0) >= RSA_BITS_MIN;
  if (kind === "rsa") return strong ? ["rsa-pss-sha512", "rsa-v1_5-sha256"] : [];
  if (kind === "rsa-pss") return strong ? ["rsa-pss-sha512"] : [];
  if (kind === "ed25519") return ["ed25519"];
  if (kind !== "ec") return [];
  if (details?.namedCurve === "prime256v1") return ["ecdsa-p256-sha256"];
  return details?.namedCurve === "secp384r1" ? ["ecdsa-p384-sha384"] : [];
}

/** A public key from PEM; undefined for what is none. */
export function publicKeyOf(pem: string): KeyObject | undefined {
  try {
    return createPublicKey(pem);
  } catch {
    return undefined;
  }
}

/** Whether a signature of the text was made with the key. The key must work with the algorithm. */
export function isSignatureOf(
  algorithm: SignatureAlgorithm,
  key: SignatureKey,
  text: string,
  signature: Uint8Array,
): boolean {
  const octets = Buffer.from(text, "latin1");
  if (algorithm === "hmac-sha256") {
    if (typeof key !== "string" && key.type !== "secret") return false;
    const made = createHmac("sha256", key).update(octets).digest();
    return made.length === signature.length && timingSafeEqual(made, signature);
  }
  if (typeof key === "string") return false;
  const [hash, details] = DETAILS[algorithm];
  try {
    return verifyWith(hash, octets, { key, ...details }, signature);
  } catch {
    return false;
  }
}

/** Signs a text; what takes long (RSA) beside the event loop. Throws, or rejects with, what node:crypto says of a key that does not fit. */
export function signatureOf(
  algorithm: SignatureAlgorithm,
  key: SignatureKey,
  text: string,
): Buffer | Promise<Buffer> {
  const octets = Buffer.from(text, "latin1");
  if (algorithm === "hmac-sha256" || typeof key === "string")
    return createHmac("sha256", key).update(octets).digest();
  const [hash, details] = DETAILS[algorithm];
  if (!algorithm.startsWith("rsa")) return signWith(hash, octets, { key, ...details });
  return new Promise((resolve, reject) => {
    signWith(hash, octets, { key, ...details }, (error, made) =>
      error === null ? resolve(made) : reject(error),
    );
  });
}

/** A key that signs: a private one in PEM, or else a secret that both sides know. Throws an Error for PEM of other keys. */
export function signingKeyOf(written: string): SignatureKey {
  if (!written.includes("-----BEGIN")) return written;
  try {
    return createPrivateKey(written);
  } catch {
    throw new Error("not a private key in PEM");
  }
}
