import { createHash, createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import { Recent } from "../lib/recent.ts";
import { ALGORITHMS, signedToken, suits } from "./algorithms.ts";

/** A key that tokens are signed with. */
export interface SigningKey {
  /** Its `kid`: as written, else its thumbprint (RFC 7638). */
  readonly id: string;
  readonly algorithm: string;
  readonly key: KeyObject;
}

/** The usual algorithm of each kind of key. */
const USUAL: Readonly<Record<string, string>> = {
  rsa: "RS256",
  prime256v1: "ES256",
  secp384r1: "ES384",
  secp521r1: "ES512",
  ed25519: "EdDSA",
};

type Jwk = Readonly<Record<string, unknown>>;

/**
 * A private key in PEM or as a JSON Web Key, or a secret one as a JSON Web Key of the kind oct.
 * Throws an Error for what signs nothing, or not by that algorithm.
 */
export function signingKey(written: string | Jwk, algorithm?: string, id?: string): SigningKey {
  const jwk = typeof written === "string" ? undefined : written;
  const key = keyOf(written);
  const said = algorithm ?? (typeof jwk?.["alg"] === "string" ? jwk["alg"] : undefined) ?? usualFor(key);
  const found = ALGORITHMS.get(said);
  if (found === undefined)
    throw new Error(`there is no algorithm ${said}; write one of ${[...ALGORITHMS.keys()].join(", ")}`);
  if (!suits(found, key)) throw new Error(`the key does not fit ${said}, or is too short for it`);
  const name = id ?? (typeof jwk?.["kid"] === "string" ? jwk["kid"] : undefined);
  return { id: name ?? thumbprint(key), algorithm: said, key };
}

function keyOf(written: string | Jwk): KeyObject {
  try {
    if (typeof written === "string") return createPrivateKey(written);
    if (written["kty"] === "oct") return createSecretKey(Buffer.from(String(written["k"]), "base64url"));
    return createPrivateKey({ key: written as never, format: "jwk" });
  } catch {
    throw new Error("not a private key in PEM, or as a JSON Web Key");
  }
}

function usualFor({ type, asymmetricKeyType: kind, asymmetricKeyDetails: details }: KeyObject): string {
  if (type === "secret") return "HS256";
  return USUAL[details?.namedCurve ?? kind ?? ""] ?? "RS256";
}

/** The members that make a key what it is, in the order of the alphabet (RFC 7638 §3.2, RFC 8037 §2). */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  RSA: ["e", "kty", "n"],
  EC: ["crv", "kty", "x", "y"],
  OKP: ["crv", "kty", "x"],
};

function thumbprint(key: KeyObject): string {
  if (key.type === "secret") return "secret";
  const jwk = publicJwk(key);
  const members = Object.fromEntries((MEMBERS[String(jwk["kty"])] ?? []).map((name) => [name, jwk[name]]));
  return createHash("sha256").update(JSON.stringify(members)).digest("base64url");
}

function publicJwk(key: KeyObject): Record<string, unknown> {
  const open = key.type === "private" ? createPublicKey(key) : key;
  const { kty, n, e, crv, x, y } = open.export({ format: "jwk" }) as Record<string, unknown>;
  return {
    kty,
    ...(n !== undefined && { n, e }),
    ...(crv !== undefined && { crv, x }),
    ...(y !== undefined && { y }),
  };
}

/**
 * The public half of a key as it is published (RFC 7517), from either half.
 * Throws an Error for a secret one, and for what is no key.
 */
export function publishedKey(written: string | Jwk, algorithm?: string): Record<string, unknown> {
  const jwk = typeof written === "string" ? undefined : written;
  if (jwk?.["kty"] === "oct") throw new Error("a secret key is not published; remove it");
  let key: KeyObject;
  try {
    key = createPublicKey(typeof written === "string" ? written : { key: written as never, format: "jwk" });
  } catch {
    throw new Error("not a key in PEM, or as a JSON Web Key");
  }
  const alg = algorithm ?? (typeof jwk?.["alg"] === "string" ? jwk["alg"] : usualFor(key));
  const fitting = ALGORITHMS.get(alg);
  if (fitting === undefined || !suits(fitting, key))
    throw new Error(`the key does not fit ${alg}, or is too short for it`);
  const kid = typeof jwk?.["kid"] === "string" ? jwk["kid"] : thumbprint(key);
  return { ...publicJwk(key), kid, alg, use: "sig" };
}

/** What tokens of the gateway's own say beside their times. */
export type MintedClaims = Readonly<Record<string, unknown>>;

interface Minted {
  readonly token: string;
  /** Milliseconds since 1970 from which on another one is made. */
  readonly until: number;
}

/** Tokens that are remembered at least, and half of those that are at most. */
const REMEMBERED = 5_000;

/** Signs tokens, and gives the same one for the same claims until half of its life is over. */
export class TokenMinter {
  readonly #key: SigningKey;
  readonly #ttl: number;
  readonly #clock: Clock;
  readonly #made = new Recent<string, Minted>(REMEMBERED);
  readonly #making = new Map<string, Promise<string>>();

  /** @param ttl milliseconds that a token lives */
  constructor(key: SigningKey, ttl: number, clock: Clock) {
    this.#key = key;
    this.#ttl = ttl;
    this.#clock = clock;
  }

  /** A token with these claims, which are given as JSON without its braces; a promise where one must be signed. */
  mint(claims: string): string | Promise<string> {
    const known = this.#made.get(claims);
    if (known !== undefined && this.#clock.wall() < known.until) return known.token;
    const under = this.#making.get(claims);
    if (under !== undefined) return under;
    const making = this.#sign(claims).finally(() => this.#making.delete(claims));
    this.#making.set(claims, making);
    return making;
  }

  async #sign(claims: string): Promise<string> {
    const { id, algorithm, key } = this.#key;
    const now = this.#clock.wall();
    const issued = Math.floor(now / 1_000);
    const times = `"iat":${issued},"exp":${issued + Math.ceil(this.#ttl / 1_000)}`;
    const payload = `{${claims === "" ? "" : `${claims},`}${times}}`;
    const token = await signedToken({ alg: algorithm, typ: "JWT", kid: id }, payload, key);
    this.#made.set(claims, { token, until: now + this.#ttl / 2 });
    return token;
  }
}
