/**
 * HTTP/1.1 by the letter (RFC 9112, RFC 9110), for judging what a gateway sends. It shares nothing with the product and
 * forgives nothing: a message is complete, incomplete so far, or invalid with a reason. Bytes are latin1 text.
 */

export type Field = readonly [name: string, value: string];

/** What stands before the body. */
export interface StrictHead {
  /** The request line or status line. */
  readonly line: string;
  readonly fields: readonly Field[];
}

export interface StrictMessage extends StrictHead {
  readonly framing: "none" | "length" | "chunked" | "close";
  readonly body: string;
  readonly trailers: readonly Field[];
  /** Chunk extensions as they were written. */
  readonly extensions: readonly string[];
}

export interface StrictRequest extends StrictMessage {
  readonly method: string;
  readonly target: string;
}

export interface StrictResponse extends StrictMessage {
  readonly status: number;
}

export type Parsed<T> =
  | { readonly state: "complete"; readonly message: T; readonly end: number }
  /** `head` and `body` are what is there so far. */
  | { readonly state: "incomplete"; readonly head?: StrictHead; readonly body?: string }
  | { readonly state: "invalid"; readonly why: string };

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
// The target is looser than RFC 3986: clients send ["<>\\^`{|}] as they are. It holds no fragment, space, control or high byte.
const REQUEST_LINE = new RegExp(`^(${TOKEN}) (\\/[\\x21\\x22\\x24-\\x7e]*|\\*) HTTP\\/1\\.1$`);
const STATUS_LINE = /^HTTP\/1\.1 ([1-9][0-9][0-9]) [\t\x20-\x7e\x80-\xff]*$/;
const FIELD_LINE = new RegExp(`^(${TOKEN}):([\\t\\x20-\\x7e\\x80-\\xff]*)$`);
const HOST =
  /^(?:\[(?:[0-9A-Fa-f:.]+|v[0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+;=:]+)\]|[A-Za-z0-9\-._~!$&'()*+;=%]+)(?::[0-9]*)?$/;
const CHUNK_LINE = /^([0-9A-Fa-f]{1,16})((?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?)$/;

class Invalid extends Error {}

/** Thrown inside when the bytes end before the message does. */
class Short extends Error {
  readonly head: StrictHead | undefined;
  readonly body: string | undefined;

  constructor(head?: StrictHead, body?: string) {
    super("incomplete");
    this.head = head;
    this.body = body;
  }
}

/** Reads the request that starts at `from`. */
export function parseRequest(text: string, from = 0): Parsed<StrictRequest> {
  return guarded(() => {
    const { head, end: start } = readHead(text, from);
    const [, method = "", target = ""] =
      REQUEST_LINE.exec(head.line) ?? fail(`request line ${show(head.line)}`);
    if (target === "*" && method !== "OPTIONS") fail("asterisk-form without OPTIONS");
    const hosts = valuesOf(head.fields, "host");
    if (hosts.length !== 1) fail(`${hosts.length} Host fields`);
    if (!HOST.test(hosts[0] ?? "")) fail(`Host ${show(hosts[0] ?? "")}`);
    const framing = announcedFraming(head.fields) ?? "none";
    const rest = readBody(text, start, head, framing, false);
    return { message: { ...head, method, target, framing, ...rest.content }, end: rest.end };
  });
}

/** Reads the response that starts at `from`, to a request with this method; `ended`: the sender has closed. */
export function parseResponse(
  text: string,
  method: string,
  ended: boolean,
  from = 0,
): Parsed<StrictResponse> {
  return guarded(() => {
    const { head, end: start } = readHead(text, from);
    const [, code = ""] = STATUS_LINE.exec(head.line) ?? fail(`status line ${show(head.line)}`);
    const status = Number(code);
    const announced = announcedFraming(head.fields);
    const bare = status < 200 || status === 204;
    if (bare && announced !== undefined)
      fail(`${status} with ${announced} framing (RFC 9110 8.6, RFC 9112 6.1)`);
    const framing = bare || status === 304 || method === "HEAD" ? "none" : (announced ?? "close");
    const rest = readBody(text, start, head, framing, ended);
    return { message: { ...head, status, framing, ...rest.content }, end: rest.end };
  });
}

/** The values of a field, in order; `name` is lower case. */
export function valuesOf(fields: readonly Field[], name: string): string[] {
  return fields.filter(([candidate]) => candidate.toLowerCase() === name).map(([, value]) => value);
}

/** Bytes as a readable literal, cut in the middle when long. */
export function show(text: string, max = 600): string {
  const cut =
    text.length > max ? `${text.slice(0, max / 2)}…${text.length - max} bytes…${text.slice(-max / 2)}` : text;
  return JSON.stringify(cut).replace(/[\x7f-\xff]/g, (char) => `\\x${char.charCodeAt(0).toString(16)}`);
}

function guarded<T>(read: () => { message: T; end: number }): Parsed<T> {
  try {
    return { state: "complete", ...read() };
  } catch (error) {
    if (error instanceof Invalid) return { state: "invalid", why: error.message };
    if (!(error instanceof Short)) throw error;
    return {
      state: "incomplete",
      ...(error.head === undefined ? {} : { head: error.head }),
      ...(error.body === undefined ? {} : { body: error.body }),
    };
  }
}

function fail(why: string): never {
  throw new Invalid(why);
}

function readHead(text: string, from: number): { head: StrictHead; end: number } {
  const end = text.indexOf("\r\n\r\n", from);
  const bytes = end < 0 ? text.slice(from) : text.slice(from, end);
  // A CR at the very end may still get its LF.
  if (/(?:^|[^\r])\n|\r[^\n]/.test(bytes)) fail("bare CR or bare LF in the head");
  if (bytes.includes("\0")) fail("NUL in the head");
  if (end < 0) throw new Short();
  const [line = "", ...lines] = bytes.split("\r\n");
  return { head: { line, fields: lines.map(readField) }, end: end + 4 };
}

function readField(line: string): Field {
  const [, name = "", value = ""] = FIELD_LINE.exec(line) ?? fail(`field line ${show(line)}`);
  return [name, trim(value)];
}

function trim(value: string): string {
  let from = 0;
  let to = value.length;
  while (from < to && (value[from] === " " || value[from] === "\t")) from++;
  while (to > from && (value[to - 1] === " " || value[to - 1] === "\t")) to--;
  return value.slice(from, to);
}

function announcedFraming(fields: readonly Field[]): "length" | "chunked" | undefined {
  const lengths = valuesOf(fields, "content-length");
  const codings = valuesOf(fields, "transfer-encoding");
  if (lengths.length > 0 && codings.length > 0) fail("Content-Length and Transfer-Encoding");
  if (lengths.length > 1 || codings.length > 1) fail("framing field given twice");
  const [length] = lengths;
  const [coding] = codings;
  if (length !== undefined && !/^[0-9]{1,15}$/.test(length)) fail(`Content-Length ${show(length)}`);
  if (coding !== undefined && coding.toLowerCase() !== "chunked") fail(`Transfer-Encoding ${show(coding)}`);
  if (length !== undefined) return "length";
  return coding === undefined ? undefined : "chunked";
}

type Content = Pick<StrictMessage, "body" | "trailers" | "extensions">;

function readBody(
  text: string,
  start: number,
  head: StrictHead,
  framing: StrictMessage["framing"],
  ended: boolean,
): { content: Content; end: number } {
  const plain = (body: string): Content => ({ body, trailers: [], extensions: [] });
  if (framing === "none") return { content: plain(""), end: start };
  if (framing === "chunked") return readChunks(text, start, head);
  if (framing === "close") {
    if (!ended) throw new Short(head, text.slice(start));
    return { content: plain(text.slice(start)), end: text.length };
  }
  const end = start + Number(valuesOf(head.fields, "content-length")[0]);
  if (text.length < end) throw new Short(head, text.slice(start));
  return { content: plain(text.slice(start, end)), end };
}

function readChunks(text: string, start: number, head: StrictHead): { content: Content; end: number } {
  let body = "";
  const extensions: string[] = [];
  for (let at = start; ; ) {
    const lineEnd = text.indexOf("\r\n", at);
    const line = lineEnd < 0 ? text.slice(at).replace(/\r$/, "") : text.slice(at, lineEnd);
    const [, digits = "", extension = ""] = CHUNK_LINE.exec(line) ?? [];
    if (digits === "" && (lineEnd >= 0 || line !== "")) fail(`chunk line ${show(line)}`);
    if (lineEnd < 0) throw new Short(head, body);
    if (extension !== "") extensions.push(extension);
    const size = Number.parseInt(digits, 16);
    at = lineEnd + 2;
    if (size === 0) {
      const trailer = readTrailers(text, at, head, body);
      return { content: { body, trailers: trailer.fields, extensions }, end: trailer.end };
    }
    body += text.slice(at, at + size);
    at += size;
    const close = text.slice(at, at + 2);
    if (!"\r\n".startsWith(close)) fail(`${show(close)} after the data of a chunk`);
    if (close.length < 2) throw new Short(head, body);
    at += 2;
  }
}

function readTrailers(
  text: string,
  start: number,
  head: StrictHead,
  body: string,
): { fields: Field[]; end: number } {
  const fields: Field[] = [];
  for (let at = start; ; ) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) throw new Short(head, body);
    const line = text.slice(at, lineEnd);
    at = lineEnd + 2;
    if (line === "") return { fields, end: at };
    fields.push(readField(line));
  }
}
