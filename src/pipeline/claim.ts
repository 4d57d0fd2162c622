/** Reads a claim. */
export type ClaimReader = (claims: Readonly<Record<string, unknown>>) => unknown;

/** A reader of the claim of that name; where there is none, of what lies there by the dots in it: `realm_access.roles`. */
export function compileClaim(name: string): ClaimReader {
  const path = name.split(".");
  if (path.length === 1) return (claims) => ownMember(claims, name);
  return (claims) => {
    const whole = ownMember(claims, name);
    return whole === undefined ? path.reduce<unknown>(ownMember, claims) : whole;
  };
}

/** A member of an object that is its own; undefined where there is none. */
export function ownMember(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

/** Words of a claim: a list of texts, or one text with spaces between, as scopes are written (RFC 6749 §3.3). */
export function wordsOf(value: unknown): readonly string[] {
  if (typeof value === "string") return value.split(" ").filter((word) => word !== "");
  return Array.isArray(value) ? value.filter((word) => typeof word === "string") : [];
}
