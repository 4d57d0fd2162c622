import { Failure } from "../errors/failure.ts";
import { Kind } from "../lib/field-kinds.ts";
import { type Fields, MARKS } from "../lib/fields.ts";
import type { HeadLimits } from "../lib/limits.ts";
import { RequestHead } from "../lib/request.ts";
import { SHARED } from "./buffers.ts";
import { CR, LF, SP, TARGET, TOKEN } from "./bytes.ts";
import { connectionOptions, isPersistent } from "./connection-options.ts";
import { type Framing, requestFraming } from "./framing.ts";
import { authorityOf, isHost, parseAbsolute } from "./host.ts";
import {
  INCOMPLETE,
  REFUSED,
  scanFields,
  scanFieldsInShared,
  scanned,
  scannedFields,
  TOO_MANY,
} from "./scan-fields.ts";

/** Longest method that is read (RFC 9110 §9.1 sets no bound; the longest registered one has 17 letters). */
export const METHOD_MAX = 32;
const VERSION = " HTTP/1.1\r\n";

/** What the last head left for the connection to know; read it at once. */
export const read: { end: number; framing: Framing; persistent: boolean } = {
  /** Position behind the head. */
  end: 0,
  framing: 0,
  /** The client means to send more on this connection. */
  persistent: false,
};

/**
 * Reads one request head (RFC 9112 §3), strictly: what could be read in two ways is refused.
 * @param scheme "http" or "https", by the connection
 * @returns the head; undefined when bytes are missing; a failure when no continuation could make it well-formed
 */
export function readRequestHead(
  bytes: Buffer,
  from: number,
  to: number,
  limits: HeadLimits,
  scheme: string,
): RequestHead | Failure | undefined {
  // One empty line before a request is let pass (RFC 9112 §2.2).
  let start = from;
  if (bytes[start] === CR && start < to) {
    if (start + 1 >= to) return undefined;
    if (bytes[start + 1] !== LF) return malformed("a carriage return stands before the request line");
    start += 2;
  }
  const line = readRequestLine(bytes, start, to, limits);
  if (typeof line !== "number") return line;
  const reach = Math.min(to, start + limits.head);
  let text = bytes === SHARED ? bytes.latin1Slice(start, reach) : "";
  let end = text === "" ? REFUSED : scanFieldsInShared(text, line, start);
  if (end === REFUSED) end = scanFields(bytes, line, to, start, limits.fields);
  if (end === INCOMPLETE) return to - start > limits.head ? new Failure("head_too_large") : undefined;
  if (end === TOO_MANY) return new Failure("fields_too_many");
  if (end === REFUSED) return malformed(scanned.problem);
  if (end - start > limits.head) return new Failure("head_too_large");
  if (scanned.marks.length > limits.fields * MARKS + 1) return new Failure("fields_too_many");
  read.end = end;
  if (text.length !== end - start) text = bytes.latin1Slice(start, end);
  return compose(text, scheme);
}

/** Where the parts of the last request line stand, from the start of the head's text. */
const parts = { methodEnd: 0, targetEnd: 0, query: -1, odd: false, version: 0 };

function readRequestLine(
  bytes: Buffer,
  start: number,
  to: number,
  limits: HeadLimits,
): number | Failure | undefined {
  let at = start;
  while (at < to && TOKEN[bytes[at]!] === 1) at++;
  if (at - start > METHOD_MAX) return malformed("the method is too long");
  if (at >= to) return undefined;
  if (bytes[at] !== SP || at === start)
    return malformed("the request line does not begin with a method and a space");
  const methodEnd = at - start;
  const targetStart = ++at;
  let query = -1;
  let odd = false;
  for (; at < to; at++) {
    const kind = TARGET[bytes[at]!]!;
    if (kind === 1) {
      if (bytes[at] === 0x3f && query === -1) query = at - start;
    } else if (kind === 2) odd = true;
    else break;
  }
  if (at - targetStart > limits.target) return new Failure("target_too_long");
  if (at >= to) return undefined;
  if (bytes[at] !== SP || at === targetStart) return malformed("the request's target is not one");
  const version = readVersion(bytes, at, to);
  if (typeof version !== "number") return version;
  parts.methodEnd = methodEnd;
  parts.targetEnd = at - start;
  parts.query = query;
  parts.odd = odd;
  parts.version = version;
  return at + VERSION.length;
}

function readVersion(bytes: Buffer, at: number, to: number): number | Failure | undefined {
  for (let i = 0; i < VERSION.length; i++) {
    if (at + i >= to) return undefined;
    if (bytes[at + i] === VERSION.charCodeAt(i)) continue;
    if (i === 8 && bytes[at + i] === 0x30) continue;
    const rest = bytes.latin1Slice(at, Math.min(to, at + 16));
    if (/^ HTTP\/[0-9](?:\.(?:[0-9]\r?)?)?$/.test(rest)) return undefined;
    return /^ HTTP\/[0-9]\.[0-9]\r\n/.test(rest)
      ? new Failure("version_unsupported")
      : malformed("the request line does not end with a version of HTTP and CRLF");
  }
  return bytes[at + 8] === 0x30 ? 10 : 11;
}

function compose(text: string, scheme: string): RequestHead | Failure {
  const { methodEnd, targetEnd, query, odd, version } = parts;
  const { kinds, twice } = scanned;
  const fields = scannedFields(text);
  const framing = requestFraming(fields, version, twice);
  if (typeof framing !== "number") return framing;
  if ((twice & Kind.host) !== 0) return new Failure("host_invalid", "Host stands twice");
  const host = (kinds & Kind.host) === 0 ? undefined : hostOf(fields);
  if (host === undefined && version === 11) return new Failure("host_invalid", "Host is missing");
  if (host === "") return new Failure("host_invalid", "Host is not a host");

  const method = methodEnd === 3 && text.startsWith("GET") ? "GET" : text.slice(0, methodEnd);
  if (method === "CONNECT") return new Failure("connect_unsupported");
  let authority = host ?? "";
  let path: string;
  let search = "";
  if (text.charCodeAt(methodEnd + 1) === 0x2f) {
    path = text.slice(methodEnd + 1, query === -1 ? targetEnd : query);
    if (query !== -1) search = text.slice(query, targetEnd);
  } else {
    const target = text.slice(methodEnd + 1, targetEnd);
    if (target === "*") {
      if (method !== "OPTIONS") return malformed("only OPTIONS has * as its target");
      path = "*";
    } else {
      const absolute = parseAbsolute(target, scheme);
      if (absolute === undefined)
        return malformed("the request's target is neither a path nor a URL of this scheme");
      if (
        host !== undefined &&
        authorityOf(host, absolute.scheme) !== authorityOf(absolute.authority, absolute.scheme)
      )
        return new Failure("host_invalid", "Host and the target name different hosts");
      authority = absolute.authority;
      path = absolute.path;
      search = absolute.query;
    }
  }
  if (odd) {
    path = encodeOdd(path);
    search = encodeOdd(search);
  }
  if (path.indexOf("%") !== -1 && /%(?![0-9A-Fa-f]{2})/.test(path))
    return malformed("a percent sign begins no octet");

  read.framing = framing;
  const connection = connectionOptions(fields);
  read.persistent = isPersistent(connection, version);
  let expectsContinue = false;
  if ((kinds & Kind.expect) !== 0 && version === 11) {
    if (fields.get("expect")?.toLowerCase() !== "100-continue") return new Failure("expectation_unknown");
    expectsContinue = framing !== 0;
  }
  const head = new RequestHead(method, scheme, authority, path, search, fields);
  head.version = version;
  head.expectsContinue = expectsContinue;
  if ((kinds & Kind.upgrade) !== 0 && version === 11)
    head.upgrade = upgradeOf(fields, method, connection, framing);
  if ((kinds & Kind.te) !== 0)
    head.takesTrailers = /(?:^|,)\s*trailers\s*(?:,|$)/i.test(fields.get("te") ?? "");
  return head;
}

/** Hosts seen lately, by length: one string for all requests that name it, so that comparing it is comparing references. */
const hostsByLength: string[] = new Array(256).fill("");

/** The host that the only Host names; empty when it is none. */
function hostOf(fields: Fields): string {
  for (let at = 0; at < fields.marks.length - 1; at += MARKS) {
    if (fields.marks[at + 2] !== Kind.host) continue;
    const known = hostsByLength[(fields.marks[at + MARKS]! - fields.marks[at + 1]! - 4) & 0xff]!;
    if (known !== "" && fields.onlyIs(Kind.host, known)) return known;
  }
  const host = fields.only(Kind.host) ?? "";
  if (!isHost(host)) return "";
  hostsByLength[host.length & 0xff] = host;
  return host;
}

/** Only WebSocket is taken up: any other protocol behind a gateway would be traffic that it cannot see into. */
function upgradeOf(fields: Fields, method: string, connection: string, framing: Framing): string | undefined {
  const wants = fields.get("upgrade")?.toLowerCase() === "websocket" && connection.includes(",upgrade,");
  return wants && method === "GET" && framing === 0 ? "websocket" : undefined;
}

/** What no URI may hold, but browsers send, goes on percent-encoded. */
export function encodeOdd(part: string): string {
  return part.replace(/["<>[\\\]^`{|}]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function malformed(detail: string): Failure {
  return new Failure("request_malformed", detail);
}
