import type { Exchange } from "./exchange.ts";

/**
 * What a verified token says under a name, `sub`, or below one, with dots between: `realm_access.roles`. A claim whose own name
 * has dots goes first. Undefined where there is none.
 */
export function claimOf({ claims }: Exchange, path: string): unknown {
  if (claims === undefined) return undefined;
  if (Object.hasOwn(claims, path)) return claims[path];
  let value: unknown = claims;
  for (const name of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value;
}

/** Words of a claim: a list of texts, or one text with spaces between, as scopes are written (RFC 6749 §3.3). */
export function wordsOf(value: unknown): readonly string[] {
  if (typeof value === "string") return value.split(" ").filter((word) => word !== "");
  return Array.isArray(value) ? value.filter((word) => typeof word === "string") : [];
}
