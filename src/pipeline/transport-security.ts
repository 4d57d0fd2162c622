import type { Reply } from "../lib/reply.ts";
import type { Peer } from "../lib/request.ts";

/** What browsers are told about coming by https only. */
export interface TransportSecurity {
  /** In milliseconds. */
  readonly maxAge: number;
  readonly includeSubdomains: boolean;
  readonly preload: boolean;
}

/** The value of Strict-Transport-Security (RFC 6797 §6.1). */
export function transportSecurity({ maxAge, includeSubdomains, preload }: TransportSecurity): string {
  const below = includeSubdomains ? "; includeSubDomains" : "";
  return `max-age=${Math.floor(maxAge / 1_000)}${below}${preload ? "; preload" : ""}`;
}

/** Tells browsers to come by https only (RFC 6797 §7.1), where the listener is to; a service's own word on it is replaced. */
export function addTransportSecurity(reply: Reply, { hsts }: Peer): void {
  if (hsts !== undefined) reply.fields.set("strict-transport-security", hsts);
}
