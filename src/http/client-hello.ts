import { Failure } from "../errors/failure.ts";

/** What the first message of a TLS connection tells of it (RFC 8446 §4.1.2). */
export interface ClientHello {
  /** Host that the client asks for, in lower case; empty where it names none. With ECH it is the outer one. */
  readonly serverName: string;
  /** The list of protocols that it offers, as it is written (RFC 7301 §3.1); empty where there is none. */
  readonly alpn: Buffer;
}

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const RECORD_HEAD = 5;
const MESSAGE_HEAD = 4;
/** Bytes of a record at most (RFC 8446 §5.1). */
const RECORD_MAX = 16_384;
/** Bytes of a hello at most, its records' heads included: those of browsers have 2,000. */
const HELLO_MAX = 32_768;
/** Bytes before the first list: version and random. */
const FIXED = 34;
const SERVER_NAME = 0;
const ALPN = 16;
const NO_ALPN: Buffer = Buffer.alloc(0);
const HOST_NAME = 0;

/** Collects the bytes with which a connection begins until its hello is whole; they are forwarded as they came. */
export class ClientHelloReader {
  #bytes: Buffer = Buffer.allocUnsafe(2_048);
  #size = 0;
  #needed = 1;

  /** All that was taken. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#size);
  }

  /** Takes more bytes: the hello, undefined while some of it is missing, or why it can be none. */
  take(bytes: Buffer, to: number): ClientHello | Failure | undefined {
    this.#append(bytes, to);
    if (this.#size < this.#needed) return undefined;
    const read = readClientHello(this.bytes);
    if (typeof read !== "number") return read;
    this.#needed = read;
    return undefined;
  }

  #append(bytes: Buffer, to: number): void {
    const size = this.#size + to;
    if (size > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(size, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, this.#size);
      this.#bytes = larger;
    }
    bytes.copy(this.#bytes, this.#size, 0, to);
    this.#size = size;
  }
}

/**
 * Reads the hello that begins a connection; it may be cut into records anywhere.
 * @returns the hello; how many bytes there must be before another look is worth it; or a failure
 */
export function readClientHello(bytes: Buffer): ClientHello | Failure | number {
  const head: number[] = [];
  let have = 0;
  let length = Number.POSITIVE_INFINITY;
  for (let at = 0; at < bytes.length; ) {
    const wrong = recordProblem(bytes, at);
    if (wrong !== undefined) return malformed(wrong);
    if (bytes.length < at + RECORD_HEAD) return at + RECORD_HEAD;
    const end = at + RECORD_HEAD + bytes.readUInt16BE(at + 3);
    const to = Math.min(end, bytes.length);
    for (let i = at + RECORD_HEAD; head.length < MESSAGE_HEAD && i < to; i++) head.push(bytes[i]!);
    have += to - at - RECORD_HEAD;
    if (have >= MESSAGE_HEAD && length === Number.POSITIVE_INFINITY) {
      const [type, high = 0, middle = 0, low = 0] = head;
      length = MESSAGE_HEAD + high * 65_536 + middle * 256 + low;
      if (type !== CLIENT_HELLO) return malformed("it does not begin with a ClientHello");
      if (length > HELLO_MAX) return malformed("the ClientHello is too long");
    }
    if (have >= length) return readBody(contentOf(bytes, to).subarray(MESSAGE_HEAD, length));
    if (end > bytes.length) return end;
    if (end > HELLO_MAX) return malformed("the ClientHello is too long");
    at = end;
  }
  return bytes.length + RECORD_HEAD;
}

/** What the records up to `to` hold. Put together once: a client may cut it into thousands. */
function contentOf(bytes: Buffer, to: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < to; ) {
    const end = at + RECORD_HEAD + bytes.readUInt16BE(at + 3);
    parts.push(bytes.subarray(at + RECORD_HEAD, Math.min(end, to)));
    at = end;
  }
  return Buffer.concat(parts);
}

/** What is wrong with the head of a record, as far as it is here. */
function recordProblem(bytes: Buffer, at: number): string | undefined {
  if (bytes[at] !== HANDSHAKE) return "it is not TLS";
  if (bytes.length > at + 1 && bytes[at + 1] !== 3) return "it is not TLS";
  if (bytes.length < at + RECORD_HEAD) return undefined;
  const length = bytes.readUInt16BE(at + 3);
  return length === 0 || length > RECORD_MAX ? "a record has no valid length" : undefined;
}

function readBody(body: Buffer): ClientHello | Failure {
  let at = FIXED;
  // Session id, cipher suites, compression methods: lists whose lengths take 1, 2 and 1 octets.
  for (const octets of [1, 2, 1]) {
    if (at + octets > body.length) return malformed("the ClientHello is cut");
    at += octets + body.readUIntBE(at, octets);
  }
  // Before TLS 1.3 there may be no extensions at all.
  if (at === body.length) return { serverName: "", alpn: NO_ALPN };
  if (at + 2 > body.length || at + 2 + body.readUInt16BE(at) !== body.length)
    return malformed("the extensions do not end with the ClientHello");
  return readExtensions(body, at + 2);
}

function readExtensions(body: Buffer, from: number): ClientHello | Failure {
  let serverName: string | undefined;
  let alpn = NO_ALPN;
  for (let at = from; at < body.length; ) {
    if (at + 4 > body.length) return malformed("an extension is cut");
    const end = at + 4 + body.readUInt16BE(at + 2);
    if (end > body.length) return malformed("an extension is cut");
    if (body.readUInt16BE(at) === SERVER_NAME) {
      if (serverName !== undefined) return malformed("the server's name stands twice");
      serverName = readServerName(body.subarray(at + 4, end));
      if (serverName === undefined) return malformed("the server's name is not one");
    }
    if (body.readUInt16BE(at) === ALPN) alpn = body.subarray(at + 4, end);
    at = end;
  }
  return { serverName: serverName ?? "", alpn };
}

/** The host of a server_name extension (RFC 6066 §3), of which there is one; undefined where it holds none. */
function readServerName(list: Buffer): string | undefined {
  if (list.length < 5 || list.readUInt16BE(0) !== list.length - 2 || list[2] !== HOST_NAME) return undefined;
  if (list.readUInt16BE(3) !== list.length - 5) return undefined;
  const name = list.toString("latin1", 5).toLowerCase().replace(/\.$/, "");
  return /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(name) && name.length < 256 ? name : undefined;
}

function malformed(detail: string): Failure {
  return new Failure("tls_hello_malformed", detail);
}
