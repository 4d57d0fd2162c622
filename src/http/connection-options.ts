import { Kind } from "../lib/field-kinds.ts";
import { listMembers } from "../lib/field-syntax.ts";
import type { Fields } from "../lib/fields.ts";

/** The options of `Connection` (RFC 9110 §7.6.1) in lower case, each between commas; empty when there is none. */
export function connectionOptions(fields: Fields): string {
  if ((fields.kinds & Kind.connection) === 0) return "";
  if (fields.onlyIs(Kind.connection, "keep-alive", true)) return ",keep-alive,";
  return `,${listMembers(fields.get("connection") ?? "").join(",")},`;
}

/** Whether the connection stays open behind the message: `close` wins, HTTP/1.0 must ask (RFC 9112 §9.3). */
export function isPersistent(options: string, version: number): boolean {
  if (options.includes(",close,")) return false;
  return version === 11 || options.includes(",keep-alive,");
}
