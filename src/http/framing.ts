import { Failure } from "../errors/failure.ts";
import { Kind } from "../lib/field-kinds.ts";
import type { Fields } from "../lib/fields.ts";

/** How a body ends: after so many bytes (0 or more), with the last chunk, or with the connection. */
export type Framing = number;
export const CHUNKED = -1;
export const UNTIL_CLOSE = -2;

/** The longest body that is believed: beyond it numbers are no longer exact. */
const LENGTH_MAX: number = Number.MAX_SAFE_INTEGER;

/** How a request's body is framed (RFC 9112 §6.3). */
export function requestFraming(fields: Fields, version: number, twice: number): Framing | Failure {
  const { kinds } = fields;
  if ((kinds & Kind.transferEncoding) !== 0) {
    if ((kinds & Kind.contentLength) !== 0)
      return ambiguous("Content-Length and Transfer-Encoding stand together");
    if (version === 10) return ambiguous("Transfer-Encoding stands in HTTP/1.0");
    const coding = (fields.get("transfer-encoding") ?? "").toLowerCase();
    if (coding === "chunked" && (twice & Kind.transferEncoding) === 0) return CHUNKED;
    return /^(?:(?:gzip|x-gzip|deflate|compress|x-compress)[ \t]*,[ \t]*)+chunked$/.test(coding)
      ? new Failure("coding_unsupported")
      : ambiguous("Transfer-Encoding is not chunked");
  }
  if ((kinds & Kind.contentLength) === 0) return 0;
  const length = contentLength(fields, twice);
  return length ?? ambiguous("Content-Length is not one number");
}

/** How a response's body is framed; the status and the request's method come first (RFC 9112 §6.3). */
export function responseFraming(
  fields: Fields,
  version: number,
  twice: number,
  status: number,
  method: string,
): Framing | Failure {
  const { kinds } = fields;
  let framing: Framing = UNTIL_CLOSE;
  if ((kinds & Kind.transferEncoding) !== 0) {
    if ((kinds & Kind.contentLength) !== 0) return lie("Content-Length and Transfer-Encoding stand together");
    if (version === 10) return lie("Transfer-Encoding stands in HTTP/1.0");
    const coding = (fields.get("transfer-encoding") ?? "").toLowerCase();
    if (coding !== "chunked" || (twice & Kind.transferEncoding) !== 0)
      return lie("Transfer-Encoding is not chunked");
    framing = CHUNKED;
  } else if ((kinds & Kind.contentLength) !== 0) {
    const length = contentLength(fields, twice);
    if (length === undefined) return lie("Content-Length is not one number");
    framing = length;
  }
  return method === "HEAD" || status < 200 || status === 204 || status === 304 ? 0 : framing;
}

/** The number of a Content-Length that stands once and is digits only. */
export function contentLength(fields: Fields, twice: number): number | undefined {
  if ((twice & Kind.contentLength) !== 0) return undefined;
  return digits(fields.only(Kind.contentLength) ?? "");
}

/** A number written in digits only, not larger than a body may be. */
export function digits(text: string): number | undefined {
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return text.length === 0 || value > LENGTH_MAX ? undefined : value;
}

function ambiguous(detail: string): Failure {
  return new Failure("framing_ambiguous", detail);
}

function lie(detail: string): Failure {
  return new Failure("response_malformed", detail);
}
