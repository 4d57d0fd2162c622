import { DerError, INTEGER, inside, need, timeOf, valueAt } from "./der.ts";

/**
 * Until when a revocation list holds, in milliseconds since 1970 (RFC 5280 §5.1.2.5); undefined where it does not say, or
 * cannot be read.
 * @param pem one block of PEM text
 */
export function listEnd(pem: string): number | undefined {
  const der = Buffer.from(pem.replace(/-----[^-]*-----/g, ""), "base64");
  try {
    const [list] = inside(der, valueAt(der, 0, der.length));
    const values = inside(der, need(list));
    // A version may stand before signature, issuer, thisUpdate and nextUpdate.
    const next = values[values[0]?.tag === INTEGER ? 4 : 3];
    return next === undefined ? undefined : timeOf(der, next);
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}
