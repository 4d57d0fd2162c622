import { randomBytes, timingSafeEqual } from "node:crypto";

/** A token that nobody can guess: 192 bits in base64url. */
export function csrfToken(): string {
  return randomBytes(24).toString("base64url");
}

/** Whether a text can be a token of ours. */
export function isCsrfToken(text: string | undefined): text is string {
  return text !== undefined && /^[A-Za-z0-9_-]{32}$/.test(text);
}

/** Whether two tokens are the same, in a time that does not depend on where they differ. */
export function sameToken(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
