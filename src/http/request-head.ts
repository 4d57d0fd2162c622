import { type Body, HeldBody } from "../lib/body.ts";
import type { Outgoing } from "../lib/outgoing.ts";
import { CHUNKED, type Framing } from "./framing.ts";

/** How a request's body is framed: by its length where it is known and no trailers follow. */
export function outgoingFraming(body: Body | undefined): Framing {
  if (body === undefined) return 0;
  return body instanceof HeldBody && body.trailers !== undefined ? CHUNKED : (body.length ?? CHUNKED);
}

/**
 * The head of a request as it is sent (RFC 9112 §3), with the field that frames its body.
 * @param host what Host says where the request names none
 */
export function composeRequestHead(request: Outgoing, host: string, framing: Framing): string {
  const { method, body, authority } = request;
  let head = `${method} ${request.path}${request.query} HTTP/1.1\r\nhost: ${authority === "" ? host : authority}\r\n${request.fields.toText()}`;
  if (request.upgrade === "websocket") head += "connection: Upgrade\r\nupgrade: websocket\r\n";
  else if (request.takesTrailers) head += "te: trailers\r\nconnection: te\r\n";
  if (framing === CHUNKED) return `${head}transfer-encoding: chunked\r\n\r\n`;
  if (framing > 0 || (body !== undefined && method !== "GET"))
    return `${head}content-length: ${framing}\r\n\r\n`;
  return head + (needsLength(method) ? "content-length: 0\r\n\r\n" : "\r\n");
}

/** Methods whose content is expected: without a length a service could wait for it (RFC 9110 §8.6). */
function needsLength(method: string): boolean {
  return method === "POST" || method === "PUT" || method === "PATCH";
}
