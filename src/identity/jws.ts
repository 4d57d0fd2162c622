import { strictObject } from "./strict-json.ts";

/** Why a token proves nothing. */
export type TokenFaultKind =
  | "malformed"
  | "too_large"
  | "algorithm"
  | "critical"
  | "own_key"
  | "type"
  | "issuer"
  | "key_unknown"
  | "keys_unavailable"
  | "signature"
  | "expired"
  | "not_yet"
  | "audience"
  | "claim"
  | "scope"
  | "revoked"
  | "revocations_unavailable"
  | "consumer";

/** What is wrong with a token: for the person who sent it, without anything that the token says. */
export class TokenFault {
  readonly kind: TokenFaultKind;
  readonly detail: string;

  constructor(kind: TokenFaultKind, detail: string) {
    this.kind = kind;
    this.detail = detail;
  }
}

/** A signed token, taken apart and not checked. */
export interface ParsedToken {
  readonly algorithm: string;
  /** `kid` of its header. */
  readonly keyId: string | undefined;
  /** `typ` of its header, in lower case and without "application/". */
  readonly type: string | undefined;
  readonly claims: Readonly<Record<string, unknown>>;
}

const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/;
const KEY_ID = /^[\x20-\x7e\u00a0-\uffff]{1,1024}$/;

/** Members of a header by which a token would name its own key. */
const OWN_KEYS = ["jwk", "jku", "x5u", "x5c"] as const;

/**
 * Takes a signed token in its compact form apart (RFC 7515 §3.1, RFC 7519 §7.2) and refuses what a strict reader must: other
 * forms, base64url that is not canonical, JSON with a name twice, extensions (`crit`, `b64`), keys that the token brings
 * itself, and the algorithm "none".
 * @param max characters that it may have
 */
export function parseToken(token: string, max: number): ParsedToken | TokenFault {
  if (token.length > max) return new TokenFault("too_large", `the token has more than ${max} characters`);
  if (!COMPACT.test(token)) return malformed(formOf(token));
  const [head = "", payload = "", end = ""] = token.split(".");
  const header = strictObject(decoded(head) ?? NOTHING);
  if (header === undefined)
    return malformed("its header is not a JSON object in base64url with unique names");
  const fault = faultInHeader(header);
  if (fault !== undefined) return fault;
  const claims = strictObject(decoded(payload) ?? NOTHING);
  if (claims === undefined)
    return malformed("its claims are not a JSON object in base64url with unique names");
  if (decoded(end) === undefined) return malformed("its signature is not base64url");
  const { alg, kid, typ } = header as { alg: string; kid?: string; typ?: string };
  return {
    algorithm: alg,
    keyId: kid,
    type: typ?.toLowerCase().replace(/^application\//, ""),
    claims,
  };
}

const NOTHING = new Uint8Array(0);

function malformed(detail: string): TokenFault {
  return new TokenFault("malformed", detail);
}

function formOf(token: string): string {
  return /^[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*){4}$/.test(token)
    ? "encrypted tokens are not taken"
    : "a token has three parts in base64url, joined by dots";
}

/** Octets of canonical base64url without padding (RFC 4648 §3.5, §5); undefined for another spelling of the same octets. */
function decoded(text: string): Buffer | undefined {
  const octets = Buffer.from(text, "base64url");
  return octets.toString("base64url") === text ? octets : undefined;
}

function faultInHeader(header: Readonly<Record<string, unknown>>): TokenFault | undefined {
  const has = (name: string): boolean => Object.hasOwn(header, name);
  const { alg, kid, typ } = header;
  if (typeof alg !== "string") return malformed("its header has no alg");
  if (alg.toLowerCase() === "none") return new TokenFault("algorithm", "the token is not signed");
  if (has("enc") || has("zip")) return malformed("encrypted tokens are not taken");
  if (has("crit") || has("b64"))
    return new TokenFault("critical", "its header demands an extension that is not understood");
  if (OWN_KEYS.some(has)) return new TokenFault("own_key", "its header names a key of its own");
  if (has("kid") && !(typeof kid === "string" && KEY_ID.test(kid))) return malformed("its kid is not a text");
  if (has("typ") && typeof typ !== "string") return malformed("its typ is not a text");
  return undefined;
}
