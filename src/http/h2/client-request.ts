import { type Body, HeldBody } from "../../lib/body.ts";
import type { Outgoing } from "../../lib/outgoing.ts";

/** Whether nothing follows the head of a message. */
export function isEmpty(body: Body | undefined): boolean {
  return body === undefined || (body instanceof HeldBody && body.length === 0 && body.trailers === undefined);
}

/**
 * The fields of a request as HTTP/2 sends it (RFC 9113 §8.3.1): names in lower case and values, alternating; `host` where
 * it names none itself. One that asks for a WebSocket becomes an extended CONNECT (RFC 8441 §4).
 */
export function requestList(request: Outgoing, host: string, scheme: string): string[] {
  const { method, body } = request;
  const authority = request.authority === "" ? host : request.authority;
  const path = request.path + request.query;
  if (request.upgrade === "websocket") {
    const list = [":method", "CONNECT", ":protocol", "websocket", ":scheme", scheme];
    list.push(":authority", authority, ":path", path);
    request.fields.listTo(list);
    // RFC 8441 §5.1: HTTP/2 needs no key. It stays in the request, for another try.
    for (let i = list.length - 2; i >= 0; i -= 2) if (list[i] === "sec-websocket-key") list.splice(i, 2);
    return list;
  }
  const list = [":method", method, ":scheme", scheme, ":authority", authority, ":path", path];
  request.fields.listTo(list);
  if (body?.length !== undefined) {
    if (body.length > 0 || method !== "GET") list.push("content-length", String(body.length));
  } else if (body === undefined && (method === "POST" || method === "PUT" || method === "PATCH"))
    list.push("content-length", "0");
  if (request.takesTrailers) list.push("te", "trailers");
  return list;
}
