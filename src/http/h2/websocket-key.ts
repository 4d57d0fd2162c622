import { createHash, randomBytes } from "node:crypto";

/** RFC 6455 §1.3. */
const SALT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** A key for a handshake that came without one: over HTTP/2 there is none (RFC 8441 §5.1), a service of HTTP/1.1 asks for it. */
export function makeKey(): string {
  return randomBytes(16).toString("base64");
}

/** What a service of HTTP/1.1 answers to a key (RFC 6455 §4.2.2); for one of HTTP/2 whoever speaks to it answers so. */
export function acceptOf(key: string): string {
  return createHash("sha1")
    .update(key + SALT)
    .digest("base64");
}
