import { generateKeyPairSync, hash, sign } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** Who the tokens come from, and whom they are for. */
export const ISSUER = "https://issuer.example";
export const AUDIENCE = "https://api.example";

/** Callers with a token and a key each, in files. */
export interface Credentials {
  /** PEM of the key that verifies the tokens. */
  readonly publicKey: string;
  /** Lines `authorization: Bearer …`, for bench/load/bearers.lua. */
  readonly tokens: string;
  /** Lines `x-api-key: …`. */
  readonly keys: string;
  /** The callers as consumers of a config. */
  readonly consumers: readonly object[];
}

/** Makes callers whose tokens are signed with RS256 by one key of 2,048 bits and good for a day. */
export function makeCredentials(folder: string, count: number): Credentials {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = join(folder, "issuer.pem");
  writeFileSync(pem, publicKey.export({ type: "spki", format: "pem" }));
  const now = Math.floor(Date.now() / 1_000);
  const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");
  const head = encoded({ alg: "RS256", typ: "JWT", kid: "bench" });
  const callers = Array.from({ length: count }, (_, i) => {
    const name = `caller-${i}`;
    const claims = {
      iss: ISSUER,
      sub: name,
      aud: AUDIENCE,
      iat: now,
      exp: now + 86_400,
      scope: "orders:read orders:write",
    };
    const signed = `${head}.${encoded(claims)}`;
    const signature = sign("sha256", Buffer.from(signed), privateKey).toString("base64url");
    const key = `bench-${hash("sha256", name, "hex")}`;
    return { name, key, token: `${signed}.${signature}` };
  });
  const tokens = join(folder, "tokens.txt");
  writeFileSync(tokens, callers.map(({ token }) => `authorization: Bearer ${token}\n`).join(""));
  const keys = join(folder, "keys.txt");
  writeFileSync(keys, callers.map(({ key }) => `x-api-key: ${key}\n`).join(""));
  const consumers = callers.map(({ name, key }) => ({
    name,
    subjects: [{ issuer: ISSUER, subject: name }],
    keys: [{ id: name, hash: `sha256:${hash("sha256", key, "base64url")}` }],
  }));
  return { publicKey: pem, tokens, keys, consumers };
}
