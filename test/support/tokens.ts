/** Tokens as an issuer signs them, and as somebody forges them: every part can be anything. */
import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** Text or octets in base64url. */
export function b64(value: string | Uint8Array): string {
  return Buffer.from(value as string).toString("base64url");
}

/** How one algorithm signs; independent of the gateway's own code. */
const SIGN: Readonly<Record<string, (data: Buffer, key: KeyObject | string) => Buffer>> = Object.fromEntries(
  [256, 384, 512].flatMap((bits) => {
    const hash = `sha${bits}`;
    const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: bits / 8 };
    return [
      [`HS${bits}`, (data: Buffer, key: KeyObject | string) => createHmac(hash, key).update(data).digest()],
      [`RS${bits}`, (data: Buffer, key: KeyObject | string) => sign(hash, data, key)],
      [
        `PS${bits}`,
        (data: Buffer, key: KeyObject | string) => sign(hash, data, { key: key as KeyObject, ...pss }),
      ],
      [
        `ES${bits}`,
        (data: Buffer, key: KeyObject | string) =>
          sign(hash, data, { key: key as KeyObject, dsaEncoding: "ieee-p1363" }),
      ],
    ];
  }),
);

/** A signature of a text by an algorithm. */
export function signatureOf(text: string, algorithm: string, key: KeyObject | string): Buffer {
  const data = Buffer.from(text, "latin1");
  return SIGN[algorithm]?.(data, key) ?? sign(null, data, key as KeyObject);
}

/** A token; header and claims may be objects, or any text that stands in their place. */
export function token(
  header: object | string,
  claims: object | string,
  key: KeyObject | string,
  algorithm: string = (header as { alg: string }).alg,
): string {
  const text = [header, claims]
    .map((part) => b64(typeof part === "string" ? part : JSON.stringify(part)))
    .join(".");
  return `${text}.${b64(signatureOf(text, algorithm, key))}`;
}

/** Seconds since 1970, so many from now. */
export function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1_000) + seconds;
}

/** Both halves of a key of an algorithm. */
export function keyPair(algorithm: string): { publicKey: KeyObject; privateKey: KeyObject } {
  if (/^[RP]S/.test(algorithm)) return generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const curve = { ES256: "P-256", ES384: "P-384", ES512: "P-521" }[algorithm];
  if (curve !== undefined) return generateKeyPairSync("ec", { namedCurve: curve });
  return generateKeyPairSync("ed25519");
}

/** A public key as a JSON Web Key. */
export function jwkOf(key: KeyObject, more: object = {}): Record<string, unknown> {
  return { ...key.export({ format: "jwk" }), ...more };
}
