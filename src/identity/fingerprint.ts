import { createHash } from "node:crypto";

/** The same text for the same plain data, from which nobody can tell what it was. */
export function fingerprint(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("base64url");
}
