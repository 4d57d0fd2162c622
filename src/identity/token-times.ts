import { TokenFault } from "./jws.ts";

/** What times of a token are held against; all in milliseconds. */
export interface TimeRules {
  /** How far clocks may be apart. */
  readonly skew: number;
  /** A token without `exp` is refused. */
  readonly requireExpiry: boolean;
  /** A token that was issued longer ago is refused, and one that does not say when; undefined for no bound. */
  readonly maxAge: number | undefined;
}

/** The last second of the year 9999: what lies behind it is no time, or one in milliseconds. */
const LAST_SECOND = 253_402_300_799;

/**
 * Until when a token holds, in milliseconds since 1970, the clocks' difference included (RFC 7519 §4.1.4 to §4.1.6); or why it
 * does not hold now.
 */
export function holdsUntil(
  claims: Readonly<Record<string, unknown>>,
  now: number,
  { skew, requireExpiry, maxAge }: TimeRules,
): number | TokenFault {
  const { exp, nbf, iat } = claims;
  for (const [name, time] of Object.entries({ exp, nbf, iat }))
    if (time !== undefined && !isTime(time))
      return new TokenFault("malformed", `its ${name} is not a time in seconds since 1970`);
  if (exp === undefined && requireExpiry) return new TokenFault("claim", "it has no exp");
  if (iat === undefined && maxAge !== undefined) return new TokenFault("claim", "it has no iat");
  const expires = exp === undefined ? Number.POSITIVE_INFINITY : Number(exp) * 1_000 + skew;
  const old = maxAge === undefined ? Number.POSITIVE_INFINITY : Number(iat) * 1_000 + maxAge + skew;
  const until = Math.min(expires, old);
  if (now >= until) return new TokenFault("expired", "the token has expired");
  const begins = Math.max(Number(nbf ?? 0), Number(iat ?? 0)) * 1_000 - skew;
  return now < begins ? new TokenFault("not_yet", "the token is not valid yet") : until;
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= LAST_SECOND;
}
