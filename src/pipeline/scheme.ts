import { Kind } from "../lib/field-kinds.ts";
import type { Exchange } from "./exchange.ts";

/** How the client asked: what a trusted peer says of it (X-Forwarded-Proto), else how the peer itself did. */
export function schemeOf({ request, downstream }: Exchange): "http" | "https" {
  const told =
    downstream.peer.trusted && (request.fields.kinds & Kind.forwardedProto) !== 0
      ? request.field("x-forwarded-proto")?.replace(/,.*$/, "").trim().toLowerCase()
      : undefined;
  const scheme = told === "http" || told === "https" ? told : request.scheme;
  return scheme === "https" ? "https" : "http";
}

/** A host without its port. */
export function hostOf(authority: string): string {
  return authority.replace(/:[0-9]*$/, "");
}
