import { hkdfSync, randomBytes } from "node:crypto";

/** Octets of the secret that ticket keys are made of. */
export const TICKET_SECRET = 48;

/** A secret to make ticket keys of. */
export function newTicketSecret(): Uint8Array {
  return randomBytes(TICKET_SECRET);
}

/**
 * The 48 octets with which OpenSSL makes tickets: of one secret others for each requirement on client certificates, so
 * that a ticket of one is nothing to another.
 */
export function ticketKeys(secret: Uint8Array, requirement: string): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, new Uint8Array(0), `torana tickets ${requirement}`, 48));
}
