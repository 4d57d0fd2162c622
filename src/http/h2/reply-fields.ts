import { HeldBody } from "../../lib/body.ts";
import { HOP_BY_HOP, Kind } from "../../lib/field-kinds.ts";
import type { Fields } from "../../lib/fields.ts";
import type { Reply } from "../../lib/reply.ts";
import { httpDate } from "../reply-head.ts";

/** What the last list means for the body; read it at once. */
export const composed: { sendsBody: boolean; length: number | undefined } = {
  sendsBody: false,
  /** Octets of the body, where they are announced. */
  length: undefined,
};

/** The framing fields are always ours: what the service wrote described its own connection. */
const FRAMING_FIELDS: number = Kind.contentLength | HOP_BY_HOP;

/** The header block of a reply (RFC 9113 §8.3.2) and, in `composed`, what becomes of its body. */
export function replyFields(reply: Reply, method: string): string[] {
  const { status, fields, body } = reply;
  const bodyless = method === "HEAD" || status === 204 || status === 304;
  const held = body instanceof HeldBody;
  // HEAD and 304 tell of the body that a GET would get: what the service said of it stands.
  const told = bodyless && status !== 204 && !held ? fields.get("content-length") : undefined;
  fields.leaveOut(FRAMING_FIELDS);
  const list = [":status", String(status)];
  fields.listTo(list);
  if ((fields.kinds & Kind.date) === 0 && !fields.has("date")) list.push("date", httpDate());
  const length = body === undefined ? 0 : body.length;
  composed.sendsBody =
    !bodyless && body !== undefined && !(held && length === 0 && body.trailers === undefined);
  composed.length = length;
  const known = bodyless ? (told ?? (held && status !== 304 ? length : undefined)) : length;
  if (known !== undefined && status !== 204) list.push("content-length", String(known));
  return list;
}

/** The header block of an informational reply (RFC 9110 §15.2). */
export function informationalFields(status: number, fields: Fields): string[] {
  fields.leaveOut(FRAMING_FIELDS);
  const list = [":status", String(status)];
  fields.listTo(list);
  return list;
}

/** The header block that opens a tunnel (RFC 8441 §5): what HTTP/1.1 says with 101 is a 200 here. */
export function tunnelFields({ fields }: Reply): string[] {
  fields.leaveOut(FRAMING_FIELDS);
  fields.remove("sec-websocket-accept");
  const list = [":status", "200"];
  fields.listTo(list);
  return list;
}
