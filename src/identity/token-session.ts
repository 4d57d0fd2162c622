import { randomBytes } from "node:crypto";
import { frozen } from "./frozen.ts";
import type { Tokens } from "./login.ts";
import type { Session } from "./session.ts";

/** What of tokens a session keeps. */
export interface KeptOfTokens {
  /** Services get the access token. */
  readonly access: boolean;
  /** Claims beside `iss` and `sub`; undefined: all. */
  readonly claims: readonly string[] | undefined;
}

/** Claims of an ID token that say something of the token, not of the person. */
const OF_TOKEN: ReadonlySet<string> = new Set(["nonce", "at_hash", "c_hash", "s_hash"]);

/** The session that tokens make: a new one, or one in place of `before`; `now` in milliseconds since 1970. */
export function sessionOf(tokens: Tokens, kept: KeptOfTokens, now: number, before?: Session): Session {
  const said = tokens.claims;
  return {
    id: before?.id ?? randomBytes(16).toString("base64url"),
    began: before?.began ?? now,
    given: now,
    written: now,
    claims: frozen(
      said === undefined ? (before?.claims ?? {}) : { ...before?.claims, ...personOf(said, kept.claims) },
    ),
    idToken: tokens.id ?? before?.idToken,
    accessToken: kept.access ? tokens.access : undefined,
    accessEnds: tokens.ends,
    refreshToken: tokens.refresh ?? before?.refreshToken,
  };
}

function personOf(
  said: Readonly<Record<string, unknown>>,
  kept: readonly string[] | undefined,
): Readonly<Record<string, unknown>> {
  const chosen = (name: string): boolean =>
    kept === undefined ? !OF_TOKEN.has(name) : kept.includes(name) || name === "sub" || name === "iss";
  return Object.fromEntries(Object.entries(said).filter(([name]) => chosen(name)));
}
