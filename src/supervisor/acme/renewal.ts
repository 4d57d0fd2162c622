import { X509Certificate } from "node:crypto";

/** Part of its lifetime after which a certificate is renewed. */
const RENEW_AT = 2 / 3;
/** Renewals of many gateways and certificates spread over this part of the lifetime. */
const SPREAD = 1 / 30;
const FIRST_WAIT = 60_000;
const LONGEST_WAIT = 6 * 3_600_000;

/** From when to when something is valid, in milliseconds since 1970. */
export interface Lifetime {
  readonly from: number;
  readonly to: number;
}

/** The lifetime of the first certificate of a PEM text; undefined where it cannot be read. */
export function lifetimeOf(pem: string): Lifetime | undefined {
  try {
    const { validFromDate, validToDate } = new X509Certificate(pem);
    return { from: validFromDate.getTime(), to: validToDate.getTime() };
  } catch {
    return undefined;
  }
}

/**
 * When a certificate is to be renewed, in milliseconds since 1970: after two thirds of its lifetime, or earlier by chance.
 * @param random from 0 to 1
 */
export function renewalTime({ from, to }: Lifetime, random: number): number {
  const lifetime = Math.max(0, to - from);
  return from + lifetime * (RENEW_AT - SPREAD * random);
}

/**
 * How long to wait after orders that failed, in milliseconds: a minute, doubled each time up to six hours, of which up to a
 * quarter is left to chance; never less than the CA asks for.
 * @param failures how many in a row, 1 for the first
 * @param random from 0 to 1
 * @param retryAfter what the CA asks for, in milliseconds
 */
export function backOff(failures: number, random: number, retryAfter = 0): number {
  const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(failures - 1, 20));
  return Math.max(retryAfter, Math.round(wait * (0.75 + 0.5 * random)));
}

/** What Retry-After says, as milliseconds from now (RFC 9110 §10.2.3); 0 where it says nothing that can be read. */
export function retryAfter(value: string | undefined, now: number): number {
  if (value === undefined) return 0;
  if (/^[0-9]{1,9}$/.test(value)) return Number(value) * 1_000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}
