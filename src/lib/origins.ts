/**
 * An origin as a config names it: `https://a.example`, `https://*.a.example` for every name below it, "*" for all, or an
 * expression that the whole origin matches.
 */
export type OriginCondition = string | { readonly regex: string };

/** An expression that must match all of a text. */
export function wholeExpression(regex: string): RegExp {
  return new RegExp(`^(?:${regex})$`, "u");
}

/** Whether an origin is one of those written. Origins are compared as browsers write them: in lower case (RFC 6454 §6.2). */
export function originSet(origins: readonly OriginCondition[]): (origin: string) => boolean {
  if (origins.includes("*")) return () => true;
  const texts = origins.filter((one) => typeof one === "string").map((one) => serialized(one.toLowerCase()));
  const exact = new Set(texts.filter((one) => !one.includes("*")));
  const below = texts.filter((one) => one.includes("*")).map((one) => one.split("*") as [string, string]);
  const patterns = origins.flatMap((one) => (typeof one === "string" ? [] : [wholeExpression(one.regex)]));
  return (asking) =>
    exact.has(asking) ||
    below.some(([scheme, domain]) => isBelow(asking, scheme, domain)) ||
    patterns.some((pattern) => pattern.test(asking));
}

/** Without the port that the scheme has anyway: browsers leave it out. */
function serialized(origin: string): string {
  return origin.replace(/^(https:.*):443$|^(http:.*):80$/, "$1$2");
}

/** Whether an origin is `scheme`, then at least one label, then `domain` (which begins with its dot). */
function isBelow(asking: string, scheme: string, domain: string): boolean {
  return (
    asking.startsWith(scheme) &&
    asking.endsWith(domain) &&
    /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(asking.slice(scheme.length, -domain.length))
  );
}
