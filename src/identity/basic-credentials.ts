import { isUtf8 } from "node:buffer";
import type { ReadonlyFields } from "../lib/fields.ts";
import { MAX_PASSWORD } from "../lib/password-hash.ts";

/** A user and a password, in NFC. */
export interface BasicCredentials {
  readonly user: string;
  readonly password: string;
}

const BASIC = /^basic(?: +([A-Za-z0-9+/]*={0,2}))? *$/i;

/** The user and password of `Authorization: Basic` (RFC 7617 §2); undefined where the field is not there or of another scheme. */
export function basicCredentials(fields: ReadonlyFields): BasicCredentials | "malformed" | undefined {
  const sent = fields.all("authorization");
  const value = sent.find((one) => /^basic(?: |$)/i.test(one));
  if (value === undefined) return undefined;
  if (sent.length > 1 || value.length > 4 * MAX_PASSWORD) return "malformed";
  const [, encoded = ""] = BASIC.exec(value) ?? [];
  const bytes = Buffer.from(encoded, "base64");
  if (!isUtf8(bytes)) return "malformed";
  const text = bytes.toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 1 || hasControls(text) || bytes.length > 2 * MAX_PASSWORD) return "malformed";
  return { user: text.slice(0, colon).normalize("NFC"), password: text.slice(colon + 1) };
}

function hasControls(text: string): boolean {
  return /[\x00-\x1f\x7f]/.test(text);
}
