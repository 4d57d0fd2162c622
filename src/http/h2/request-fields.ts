import { Failure } from "../../errors/failure.ts";
import { Kind } from "../../lib/field-kinds.ts";
import type { HeadLimits } from "../../lib/limits.ts";
import { RequestHead } from "../../lib/request.ts";
import { TARGET, TOKEN } from "../bytes.ts";
import { digits } from "../framing.ts";
import { authorityOf, isHost } from "../host.ts";
import { encodeOdd, METHOD_MAX } from "../request-reader.ts";
import type { FieldSection } from "./field-section.ts";
import { makeKey } from "./websocket-key.ts";

/** What the last request says of its body; read it at once. */
export const framed: { length: number | undefined; key: string | undefined } = {
  /** Octets that Content-Length announces. */
  length: undefined,
  /** It asks for a tunnel (RFC 8441): the key of its handshake towards a service. */
  key: undefined,
};

const KNOWN: ReadonlySet<string> = new Set([":method", ":scheme", ":authority", ":path", ":protocol"]);

/**
 * Makes a request of a header block (RFC 9113 §8.3.1), as strictly as one of HTTP/1.1 is read: names, values, methods,
 * hosts, targets and limits are the same.
 *
 * `request_malformed` stands for what no client that speaks HTTP/2 sends: the stream is reset (PROTOCOL_ERROR). Every
 * other failure is something that a person may have written, a host or a target or too much of it, and is answered, so that
 * its sender learns which; neither reaches a service.
 * @param scheme "http" or "https", by the connection
 */
export function requestOf(
  section: FieldSection,
  limits: HeadLimits,
  scheme: string,
  endStream: boolean,
): RequestHead | Failure {
  const { pseudo } = section;
  if (section.problem !== "") return malformed(section.problem);
  const problem = pseudoProblem(pseudo);
  if (problem !== "") return malformed(problem);
  if (section.excess !== undefined) return new Failure(section.excess);
  const method = pseudo.get(":method")!;
  const protocol = pseudo.get(":protocol");
  if (method === "CONNECT" && protocol !== "websocket") return new Failure("connect_unsupported");

  framed.length = undefined;
  if ((section.kinds & Kind.contentLength) !== 0) {
    const length = contentLengthOf(section);
    if (length === undefined) return malformed("Content-Length is not one number");
    if (endStream && length !== 0) return malformed("Content-Length announces a body that does not come");
    framed.length = length;
  }
  const authority = authorityIn(section, scheme);
  if (authority instanceof Failure) return authority;
  const target = targetOf(pseudo.get(":path")!, method, limits);
  if (target instanceof Failure) return target;

  const tunnel = protocol !== undefined;
  const fields = section.fields();
  const head = new RequestHead(tunnel ? "GET" : method, scheme, authority, target.path, target.query, fields);
  head.version = 20;
  if ((section.kinds & Kind.expect) !== 0) {
    if (fields.get("expect")?.toLowerCase() !== "100-continue") return new Failure("expectation_unknown");
    head.expectsContinue = !endStream;
  }
  framed.key = tunnel ? askForTunnel(head) : undefined;
  head.takesTrailers = (section.kinds & Kind.te) !== 0;
  return head;
}

/** Makes a request of HTTP/1.1 for a WebSocket of a CONNECT; gives the key that its handshake then needs. */
function askForTunnel(head: RequestHead): string {
  const key = makeKey();
  head.upgrade = "websocket";
  head.fields.remove("sec-websocket-key");
  head.fields.put("sec-websocket-key", key);
  return key;
}

/** What is wrong with the set of pseudo-fields; empty when nothing is. */
function pseudoProblem(pseudo: ReadonlyMap<string, string>): string {
  for (const name of pseudo.keys()) if (!KNOWN.has(name)) return `${name} is no pseudo-field of a request`;
  const method = pseudo.get(":method");
  if (method === undefined) return ":method is missing";
  if (!isMethod(method)) return ":method is not one";
  const protocol = pseudo.has(":protocol");
  if (protocol && method !== "CONNECT") return ":protocol stands without CONNECT";
  if (method === "CONNECT" && !protocol) {
    if (pseudo.has(":scheme") || pseudo.has(":path")) return ":scheme or :path stands with CONNECT";
    return pseudo.has(":authority") ? "" : ":authority is missing";
  }
  const scheme = pseudo.get(":scheme");
  if (scheme === undefined) return ":scheme is missing";
  if (scheme !== "http" && scheme !== "https") return ":scheme is neither http nor https";
  const path = pseudo.get(":path");
  if (path === undefined) return ":path is missing";
  return path === "" ? ":path is empty" : "";
}

function isMethod(method: string): boolean {
  if (method === "GET" || method === "POST") return true;
  if (method.length === 0 || method.length > METHOD_MAX) return false;
  for (let i = 0; i < method.length; i++) if (TOKEN[method.charCodeAt(i)] !== 1) return false;
  return true;
}

/** The host: of :authority, else of Host; both must name one (RFC 9113 §8.3.1). Host stands in the fields afterwards. */
function authorityIn(section: FieldSection, scheme: string): string | Failure {
  const authority = section.pseudo.get(":authority");
  const hasHost = (section.kinds & Kind.host) !== 0;
  if ((section.twice & Kind.host) !== 0) return new Failure("host_invalid", "Host stands twice");
  const host = hasHost ? section.only(Kind.host)! : undefined;
  const named = authority ?? host;
  if (named === undefined) return new Failure("host_invalid", "the host is missing");
  if (!isKnownHost(named)) return new Failure("host_invalid", "what is named is not a host");
  if (host !== undefined && host !== named && authorityOf(host, scheme) !== authorityOf(named, scheme))
    return new Failure("host_invalid", "Host and :authority name different hosts");
  if (!hasHost) section.add("host", named, Kind.host);
  return named;
}

/** The host that was last found to be one. */
let lastHost = "";

function isKnownHost(host: string): boolean {
  if (host === lastHost) return true;
  if (!isHost(host)) return false;
  lastHost = host;
  return true;
}

interface Target {
  readonly path: string;
  readonly query: string;
}

const ASTERISK: Target = { path: "*", query: "" };

/** The path and the query of :path. */
function targetOf(text: string, method: string, limits: HeadLimits): Target | Failure {
  if (text.length > limits.target) return new Failure("target_too_long");
  if (text === "*" && method === "OPTIONS") return ASTERISK;
  if (text.charCodeAt(0) !== 0x2f) return new Failure("path_invalid", "a path begins with a slash");
  let odd = false;
  for (let i = 0; i < text.length; i++) {
    const kind = TARGET[text.charCodeAt(i)];
    if (kind === 1) continue;
    if (kind !== 2) return new Failure("path_invalid", "a path holds what no target may");
    odd = true;
  }
  const mark = text.indexOf("?");
  let path = mark === -1 ? text : text.slice(0, mark);
  let query = mark === -1 ? "" : text.slice(mark);
  if (odd) {
    path = encodeOdd(path);
    query = encodeOdd(query);
  }
  if (path.includes("%") && /%(?![0-9A-Fa-f]{2})/.test(path))
    return new Failure("path_invalid", "a percent sign begins no octet");
  return { path, query };
}

function contentLengthOf(section: FieldSection): number | undefined {
  const value = section.only(Kind.contentLength);
  return value === undefined ? undefined : digits(value);
}

function malformed(detail: string): Failure {
  return new Failure("request_malformed", detail);
}
