import { createHash, createPublicKey, createSecretKey, type KeyObject } from "node:crypto";
import { ALGORITHMS, RSA_BITS_MIN, suits } from "./algorithms.ts";

/** A key that signatures of tokens are checked with. */
export class TokenKey {
  /** Its `kid`; undefined where it has none. */
  readonly id: string | undefined;
  /** The algorithms that it is used with, and no others: never a token's own word. */
  readonly algorithms: ReadonlySet<string>;
  readonly key: KeyObject;
  /** The same for the same key with the same id and algorithms. */
  readonly print: string;
  /** Its issuer no longer has it, or it was not heard of for too long: what it proved is void. */
  gone: boolean;

  /** Throws a RangeError for a key that no algorithm works with. */
  constructor(id: string | undefined, key: KeyObject, allowed: readonly string[] | undefined) {
    const algorithms = algorithmsOf(key, allowed);
    if (algorithms.length === 0) throw new RangeError(whyNone(key, allowed));
    this.id = id;
    this.algorithms = new Set(algorithms);
    this.key = key;
    this.print = printOf(id, key, algorithms);
    this.gone = false;
  }
}

/** The algorithms that a key may be used with: those allowed that fit; of a secret HS256 alone where nothing is said. */
function algorithmsOf(key: KeyObject, allowed: readonly string[] | undefined): string[] {
  const names = allowed ?? (key.type === "secret" ? ["HS256"] : [...ALGORITHMS.keys()]);
  return names.filter((name) => {
    const algorithm = ALGORITHMS.get(name);
    return algorithm !== undefined && suits(algorithm, key);
  });
}

function whyNone(key: KeyObject, allowed: readonly string[] | undefined): string {
  const { type, symmetricKeySize: size, asymmetricKeyType: kind, asymmetricKeyDetails: details } = key;
  if (type === "secret")
    return `the secret has ${size} octets, too few for ${(allowed ?? ["HS256"]).join(", ")}; take at least as many as the digest has: 32 for HS256, 64 for HS512 (RFC 7518 §3.2)`;
  const bits = details?.modulusLength;
  if (bits !== undefined && bits < RSA_BITS_MIN)
    return `an RSA key of ${bits} bits is too weak; take ${RSA_BITS_MIN} or more (RFC 7518 §3.3)`;
  const named = details?.namedCurve === undefined ? kind : `${kind} ${details.namedCurve}`;
  return `no algorithm of ${allowed?.join(", ") ?? "those known"} works with a key of the kind ${named}`;
}

function printOf(id: string | undefined, key: KeyObject, algorithms: readonly string[]): string {
  const octets = key.type === "secret" ? key.export() : key.export({ type: "spki", format: "der" });
  return createHash("sha256")
    .update(JSON.stringify([id ?? null, algorithms]))
    .update(octets)
    .digest("base64url");
}

/** A key from text in PEM: a public key or a certificate. Throws a RangeError for all else, a private key too. */
export function keyOfPem(pem: string, allowed?: readonly string[]): TokenKey {
  if (/PRIVATE KEY/.test(pem))
    throw new RangeError("this is a private key; tokens are checked with the public one");
  return new TokenKey(undefined, publicKey(pem), allowed);
}

/** A key from a secret that both sides know; its octets are those of the text in UTF-8. Throws a RangeError where it is too short, or no secret at all. */
export function keyOfSecret(secret: string, allowed?: readonly string[]): TokenKey {
  if (/-----BEGIN [A-Z ]*(?:PUBLIC KEY|CERTIFICATE)-----/.test(secret))
    throw new RangeError("this is a public key, which anybody could sign with; write it in keys");
  return new TokenKey(undefined, createSecretKey(Buffer.from(secret)), allowed);
}

/** A key from a JSON Web Key (RFC 7517), which may be a secret one. Throws a RangeError for what signs nothing here. */
export function keyOfJwk(jwk: unknown, allowed?: readonly string[]): TokenKey {
  if (typeof jwk !== "object" || jwk === null) throw new RangeError("not a JSON Web Key");
  const { kty, kid, use, alg, k, key_ops: uses } = jwk as Readonly<Record<string, unknown>>;
  if (kid !== undefined && typeof kid !== "string") throw new RangeError("its kid is no text");
  if (use !== undefined && use !== "sig") throw new RangeError(`its use is ${String(use)}, not sig`);
  if (uses !== undefined && !(Array.isArray(uses) && uses.includes("verify")))
    throw new RangeError("its key_ops do not have verify");
  const own = alg === undefined ? allowed : [alg].filter((one) => allowed?.includes(one as string) ?? true);
  if (kty !== "oct") return new TokenKey(kid, publicKey(jwk), own as readonly string[] | undefined);
  if (typeof k !== "string") throw new RangeError("a key of the kind oct has its octets in k");
  return new TokenKey(
    kid,
    createSecretKey(Buffer.from(k, "base64url")),
    own as readonly string[] | undefined,
  );
}

/** Throws a RangeError. */
function publicKey(written: string | object): KeyObject {
  try {
    if (typeof written === "string") return createPublicKey(written);
    return createPublicKey({ key: written as never, format: "jwk" });
  } catch {
    const form = typeof written === "string" ? "a public key or certificate in PEM" : "a JSON Web Key";
    throw new RangeError(`not ${form}`);
  }
}

/** More keys than any issuer has. */
const KEYS_MAX = 256;

/**
 * The keys of a JSON Web Key Set that came from outside (RFC 7517 §5). Those of other uses, of kinds that are not known, too
 * weak, and secret ones are left out, so that it may be empty. Throws a RangeError for what is no set.
 */
export function keysOfSet(set: unknown, allowed?: readonly string[]): TokenKey[] {
  const list = (set as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(list)) throw new RangeError("not a JSON Web Key Set: it has no list of keys");
  if (list.length > KEYS_MAX) throw new RangeError(`more than ${KEYS_MAX} keys`);
  const keys: TokenKey[] = [];
  for (const jwk of list) {
    if ((jwk as { kty?: unknown } | null)?.kty === "oct") continue;
    try {
      keys.push(keyOfJwk(jwk, allowed));
    } catch {}
  }
  return keys;
}
