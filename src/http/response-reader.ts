import { Failure } from "../errors/failure.ts";
import { Kind } from "../lib/field-kinds.ts";
import type { Fields } from "../lib/fields.ts";
import type { HeadLimits } from "../lib/limits.ts";
import { PHRASES } from "../lib/status.ts";
import { SHARED } from "./buffers.ts";
import { connectionOptions, isPersistent } from "./connection-options.ts";
import { type Framing, responseFraming } from "./framing.ts";
import {
  INCOMPLETE,
  REFUSED,
  scanFields,
  scanFieldsInShared,
  scanned,
  scannedFields,
  TOO_MANY,
} from "./scan-fields.ts";

/** A response head as a service sent it. */
export class ResponseHead {
  readonly status: number;
  /** 10 or 11: the version of HTTP that the service speaks. */
  readonly version: number;
  /** The words behind the status, where they are not the usual ones. */
  readonly phrase: string | undefined;
  readonly fields: Fields;
  readonly framing: Framing;
  /** The service means to keep the connection. */
  readonly persistent: boolean;
  /** Seconds that the service says it keeps an idle connection (`Keep-Alive: timeout=`). */
  readonly keepAlive: number | undefined;

  constructor(
    status: number,
    version: number,
    phrase: string | undefined,
    fields: Fields,
    framing: Framing,
    persistent: boolean,
  ) {
    this.status = status;
    this.version = version;
    this.phrase = phrase;
    this.fields = fields;
    this.framing = framing;
    this.persistent = persistent;
    this.keepAlive = (fields.kinds & Kind.keepAlive) === 0 ? undefined : keepAliveSeconds(fields);
  }
}

/** Position behind the head that was read last; read it at once. */
export const responseRead: { end: number } = { end: 0 };

/** Longest status line: a phrase has no use. */
const LINE_MAX = 2_048;
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?$/;

let lastLine = "";
let lastStatus = 0;
let lastPhrase: string | undefined;
let lastVersion = 11;

/**
 * Reads one response head (RFC 9112 §4), strictly.
 * @param method of the request: it decides whether a body follows
 * @returns the head; undefined when bytes are missing; a failure when it is not well-formed
 */
export function readResponseHead(
  bytes: Buffer,
  from: number,
  to: number,
  limits: HeadLimits,
  method: string,
): ResponseHead | Failure | undefined {
  const window = bytes.latin1Slice(from, Math.min(to, from + LINE_MAX));
  const lineEnd = window.indexOf("\n");
  if (lineEnd === -1) {
    if (!couldBeginStatusLine(window)) return malformed("it does not begin with a status line");
    return window.length >= LINE_MAX ? malformed("its status line is too long") : undefined;
  }
  const problem = readStatusLine(window, lineEnd);
  if (problem !== undefined) return problem;
  let end = bytes === SHARED ? scanFieldsInShared(window, from + lineEnd + 1, from) : REFUSED;
  if (end === REFUSED) end = scanFields(bytes, from + lineEnd + 1, to, from, limits.fields);
  if (end === INCOMPLETE) return to - from > limits.head ? new Failure("response_head_too_large") : undefined;
  if (end === TOO_MANY) return new Failure("response_head_too_large");
  if (end === REFUSED) return malformed(scanned.problem);
  if (end - from > limits.head || scanned.marks.length > limits.fields * 3 + 1)
    return new Failure("response_head_too_large");
  responseRead.end = end;
  const { twice } = scanned;
  const text = end - from <= window.length ? window.slice(0, end - from) : bytes.latin1Slice(from, end);
  const fields = scannedFields(text);
  const framing = responseFraming(fields, lastVersion, twice, lastStatus, method);
  if (typeof framing !== "number") return framing;
  const persistent = isPersistent(connectionOptions(fields), lastVersion);
  return new ResponseHead(lastStatus, lastVersion, lastPhrase, fields, framing, persistent);
}

function readStatusLine(window: string, lineEnd: number): Failure | undefined {
  if (lastLine !== "" && window.startsWith(lastLine)) return undefined;
  if (window.charCodeAt(lineEnd - 1) !== 0x0d) return malformed("a line feed stands alone");
  const line = window.slice(0, lineEnd - 1);
  const found = STATUS_LINE.exec(line);
  if (found === null) return malformed("it does not begin with a status line");
  lastLine = `${line}\r\n`;
  lastVersion = found[1] === "1" ? 11 : 10;
  lastStatus = Number(found[2]);
  lastPhrase = found[3] === PHRASES[lastStatus] ? undefined : (found[3] ?? "");
  return undefined;
}

function couldBeginStatusLine(text: string): boolean {
  const known = "HTTP/1.";
  return text.length < known.length ? known.startsWith(text) : text.startsWith(known) && !text.includes("\0");
}

function keepAliveSeconds(fields: Fields): number | undefined {
  const found = /(?:^|[,;\s])timeout\s*=\s*"?([0-9]{1,6})/i.exec(fields.get("keep-alive") ?? "");
  return found === null ? undefined : Number(found[1]);
}

function malformed(detail: string): Failure {
  return new Failure("response_malformed", detail);
}
