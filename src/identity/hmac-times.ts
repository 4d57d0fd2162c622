import type { ReadonlyFields } from "../lib/fields.ts";
import type { HmacCredentials } from "./hmac-credentials.ts";

/** A date as HTTP writes it (RFC 9110 §5.6.7), in its one form that is still made. */
const DATE =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-3][0-9] [A-Z][a-z]{2} [0-9]{4} [0-2][0-9]:[0-5][0-9]:[0-6][0-9] GMT$/;

/** Fields that say when a request was made; `x-date` is for clients that cannot set Date. */
const DATES = ["date", "x-date"];

/** How the times that a signature covers stand to the clock. */
export type Timeliness = "good" | "none" | "malformed" | "late" | "early";

/**
 * Holds every time that is signed against the clock: all must be within `skew` milliseconds of now, and one must be there that
 * says when the request was made.
 */
export function timeliness(
  fields: ReadonlyFields,
  { covered, created, expires }: HmacCredentials,
  now: number,
  skew: number,
): Timeliness {
  let known = false;
  for (const name of DATES) {
    if (!covered.includes(name)) continue;
    const text = fields.get(name) ?? "";
    const time = DATE.test(text) ? Date.parse(text) : Number.NaN;
    if (Number.isNaN(time)) return "malformed";
    if (time < now - skew) return "late";
    if (time > now + skew) return "early";
    known = true;
  }
  if (covered.includes("(created)")) {
    const time = Number(created) * 1_000;
    if (!Number.isFinite(time)) return "malformed";
    if (time < now - skew) return "late";
    if (time > now + skew) return "early";
    known = true;
  }
  // Said outside of what is signed it proves nothing, but who says it wants it kept.
  if (expires !== undefined) {
    const time = Number(expires) * 1_000;
    if (!Number.isFinite(time)) return "malformed";
    if (time <= now) return "late";
  }
  return known ? "good" : "none";
}
