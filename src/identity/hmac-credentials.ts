import { createHmac, timingSafeEqual } from "node:crypto";
import type { Exchange } from "../pipeline/exchange.ts";

/** What `Authorization: hmac …` says. */
export interface HmacCredentials {
  readonly keyId: string;
  /** In lower case. */
  readonly algorithm: string;
  /** Names of what is signed, in lower case, in order. */
  readonly covered: readonly string[];
  readonly signature: Uint8Array;
  /** Seconds since 1970, as written. */
  readonly created: string | undefined;
  readonly expires: string | undefined;
}

/** Digests by the names that requests give them. */
export const HMAC_HASHES: Readonly<Record<string, string>> = {
  "hmac-sha1": "sha1",
  "hmac-sha256": "sha256",
  "hmac-sha384": "sha384",
  "hmac-sha512": "sha512",
};

const SCHEME = /^(?:hmac|signature)(?: |$)/i;
const PARAMETER = /[ \t]*([A-Za-z]+)=(?:"([^"\\]*)"|([0-9]+(?:\.[0-9]+)?))[ \t]*(?:,|$)/y;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
/** More names than anybody signs. */
const COVERED_MAX = 64;

/**
 * Reads signed requests' `Authorization` (draft-cavage-http-signatures-12 §3.1, with the names that Kong's plugin uses).
 * Undefined where the field is not there or of another scheme.
 */
export function hmacCredentials({ request }: Exchange): HmacCredentials | "malformed" | undefined {
  const sent = request.fields.all("authorization");
  const value = sent.find((one) => SCHEME.test(one));
  if (value === undefined) return undefined;
  const parameters = sent.length === 1 ? parametersOf(value.slice(value.indexOf(" "))) : undefined;
  if (parameters === undefined) return "malformed";
  const keyId = parameters.get("keyid") ?? parameters.get("username");
  const encoded = parameters.get("signature") ?? "";
  const created = parameters.get("created");
  const names = parameters.get("headers") ?? (created === undefined ? "date" : "(created)");
  const covered = names.toLowerCase().split(/ +/);
  if (keyId === undefined || keyId === "" || !BASE64.test(encoded) || covered.includes(""))
    return "malformed";
  if (covered.length > COVERED_MAX || new Set(covered).size < covered.length) return "malformed";
  const algorithm = (parameters.get("algorithm") ?? "hmac-sha256").toLowerCase();
  const signature = Buffer.from(encoded, "base64");
  return { keyId, algorithm, covered, signature, created, expires: parameters.get("expires") };
}

/** Names in lower case; undefined for what cannot be read, or says one thing twice. */
function parametersOf(text: string): Map<string, string> | undefined {
  const parameters = new Map<string, string>();
  let at = 0;
  while (at < text.length) {
    PARAMETER.lastIndex = at;
    const found = PARAMETER.exec(text);
    const name = found?.[1]?.toLowerCase();
    if (found === null || name === undefined || parameters.has(name)) return undefined;
    parameters.set(name, found[2] ?? found[3]!);
    at = PARAMETER.lastIndex;
  }
  // Two names of one thing: which is meant?
  return parameters.has("keyid") && parameters.has("username") ? undefined : parameters;
}

/** The lines that are signed; undefined where something that is covered is not there. */
export function signingString(x: Exchange, credentials: HmacCredentials): string | undefined {
  const lines: string[] = [];
  for (const name of credentials.covered) {
    const line = lineOf(x, name, credentials);
    if (line === undefined) return undefined;
    lines.push(line);
  }
  return lines.join("\n");
}

function lineOf(
  { request }: Exchange,
  name: string,
  { created, expires }: HmacCredentials,
): string | undefined {
  const target = request.writtenPath + request.query;
  switch (name) {
    case "@request-target":
    case "(request-target)":
      return `${name}: ${request.method.toLowerCase()} ${target}`;
    case "request-line":
      return `${request.method} ${target} HTTP/${request.version === 20 ? "2.0" : (request.version / 10).toFixed(1)}`;
    case "(created)":
      return created && `${name}: ${created}`;
    case "(expires)":
      return expires && `${name}: ${expires}`;
    case "host":
      return `host: ${request.fields.get("host") ?? request.authority}`;
    default: {
      const value = request.fields.get(name);
      return value === undefined ? undefined : `${name}: ${value}`;
    }
  }
}

/** Whether the text was signed with the secret; a length that differs is no secret. */
export function isHmacOf(hash: string, secret: string, text: string, signature: Uint8Array): boolean {
  const made = createHmac(hash, secret).update(text, "latin1").digest();
  return made.length === signature.length && timingSafeEqual(made, signature);
}
