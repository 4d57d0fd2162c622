import { HeldBody } from "../lib/body.ts";
import { HOP_BY_HOP, Kind } from "../lib/field-kinds.ts";
import type { Fields } from "../lib/fields.ts";
import type { Reply } from "../lib/reply.ts";
import { PHRASES } from "../lib/status.ts";
import { CHUNKED, type Framing, UNTIL_CLOSE } from "./framing.ts";

const lines: string[] = [];
for (const [code, phrase] of Object.entries(PHRASES)) lines[Number(code)] = `HTTP/1.1 ${code} ${phrase}\r\n`;

let date = "";
let dateSecond = 0;

/** What the last composed head means for the connection; read it at once. */
export const composed: { framing: Framing; sendsBody: boolean } = { framing: 0, sendsBody: false };

/** The framing fields are always ours: what the service wrote described its own connection. */
const FRAMING_FIELDS: number = Kind.contentLength | HOP_BY_HOP;

/**
 * The head of a reply to a client (RFC 9112 §4, §6) and, in `composed`, how its body is framed.
 * @param persistent whether the connection stays open behind it
 */
export function composeReplyHead(reply: Reply, method: string, version: number, persistent: boolean): string {
  const { status, fields, body } = reply;
  const line = reply.phrase === undefined ? lines[status] : undefined;
  let head = line ?? `HTTP/1.1 ${status} ${reply.phrase ?? ""}\r\n`;
  const bodyless = method === "HEAD" || status === 204 || status === 304;
  composed.framing = 0;
  composed.sendsBody = !bodyless;
  const trailing = version === 11 && body instanceof HeldBody && body.trailers !== undefined;
  const length = body === undefined ? 0 : trailing ? undefined : body.length;
  // HEAD and 304 tell of the body that a GET would get: what the service said of it stands.
  const told =
    bodyless && status !== 204 && !(body instanceof HeldBody) ? fields.get("content-length") : undefined;
  fields.leaveOut(FRAMING_FIELDS);
  if ((fields.kinds & Kind.date) === 0 && !fields.has("date")) fields.put("date", httpDate());
  head += fields.toText();
  if (status === 204) head += "";
  else if (bodyless) {
    const known = told ?? (status === 304 || !(body instanceof HeldBody) ? undefined : String(length));
    if (known !== undefined) head += `content-length: ${known}\r\n`;
  } else if (length !== undefined) {
    head += `content-length: ${length}\r\n`;
    composed.framing = length;
  } else if (version === 11) {
    head += "transfer-encoding: chunked\r\n";
    composed.framing = CHUNKED;
  } else composed.framing = UNTIL_CLOSE;
  if (!persistent || composed.framing === UNTIL_CLOSE) head += "connection: close\r\n";
  else if (version === 10) head += "connection: keep-alive\r\n";
  return `${head}\r\n`;
}

/** The time in the form of RFC 9110 §5.6.7, made once a second. */
export function httpDate(): string {
  const now = Date.now();
  const second = Math.floor(now / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    date = new Date(now).toUTCString();
  }
  return date;
}

/** The head of an informational reply (RFC 9110 §15.2). */
export function informationalHead(status: number, fields: Fields): string {
  return `HTTP/1.1 ${status} ${PHRASES[status] ?? ""}\r\n${fields.toText()}\r\n`;
}

/** The head of a 101: the connection becomes what its Upgrade field says. */
export function composeSwitchHead(reply: Reply): string {
  return `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n${reply.fields.toText()}\r\n`;
}
