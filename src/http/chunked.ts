import { HOP_BY_HOP, Kind } from "../lib/field-kinds.ts";
import type { Fields } from "../lib/fields.ts";
import type { HeadLimits } from "../lib/limits.ts";
import { CR, LF } from "./bytes.ts";
import { REFUSED, scanFields, scanned, scannedFields, TOO_MANY } from "./scan-fields.ts";

// What the next octet belongs to.
const SIZE = 0;
const EXTENSION = 1;
const SIZE_END = 2;
const DATA = 3;
const DATA_CR = 4;
const DATA_LF = 5;
const TRAILER_START = 6;
const TRAILER = 7;
const LAST_LF = 8;

/** Hex digits of a size behind its leading zeros: 2^52 bytes. */
const SIZE_DIGITS = 13;
const SIZE_DIGITS_WITH_ZEROS = 128;
/** Bytes of extensions in one body: nobody uses them, so many of them are an attack (CVE-2023-39326). */
const EXTENSION_BYTES = 16_384;

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const quoted = '"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"';
/** RFC 9112 §7.1.1. */
const EXTENSIONS: RegExp = new RegExp(
  `^(?:[ \\t]*;[ \\t]*${token}(?:[ \\t]*=[ \\t]*(?:${token}|${quoted}))?)+$`,
);

/** Framing that no trailer may change (RFC 9110 §6.5.1). */
const NEVER_IN_TRAILERS: number = HOP_BY_HOP | Kind.contentLength | Kind.host | Kind.trailer;

/** What routes, authenticates or tells of the sender has no meaning behind the body, and is not passed on there. */
const ALL_KINDS = -1;
const DROPPED_FROM_TRAILERS: readonly string[] = [
  ...["age", "cache-control", "content-encoding", "content-range", "content-type", "expires", "if-match"],
  ...["if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "location", "max-forwards"],
  ...["pragma", "range", "retry-after", "vary", "warning"],
];

/**
 * Takes the framing off a chunked body (RFC 9112 §7.1), strictly. The data of one call is moved together in place, so
 * that it leaves as one piece.
 */
export class ChunkedDecoder {
  /** Where the data of the last call begins and ends in its bytes. */
  start = 0;
  end = 0;
  done = false;
  trailers: Fields | undefined;
  /** What is wrong with the framing; empty while nothing is. */
  problem = "";
  readonly #limits: HeadLimits;
  #state: number = SIZE;
  #left = 0;
  #digits = 0;
  #extensionBytes = 0;
  #text = "";

  constructor(limits: HeadLimits) {
    this.#limits = limits;
  }

  /** Decodes from `from` on; returns the position behind what was consumed (less than `to` only when done or failed). */
  decode(bytes: Buffer, from: number, to: number): number {
    this.start = from;
    this.end = from;
    let at = from;
    while (at < to && !this.done && this.problem === "") {
      switch (this.#state) {
        case DATA:
          at = this.#data(bytes, at, to);
          break;
        case TRAILER:
          at = this.#trailer(bytes, at, to);
          break;
        default:
          this.#octet(bytes[at]!);
          // The first octet of a trailer is read again, with its line.
          if (this.#state !== TRAILER) at++;
      }
    }
    return at;
  }

  #data(bytes: Buffer, at: number, to: number): number {
    const size = Math.min(this.#left, to - at);
    if (this.end === this.start) this.start = this.end = at;
    if (this.end !== at) bytes.copyWithin(this.end, at, at + size);
    this.end += size;
    this.#left -= size;
    if (this.#left === 0) this.#state = DATA_CR;
    return at + size;
  }

  #octet(octet: number): void {
    switch (this.#state) {
      case SIZE:
        this.#size(octet);
        break;
      case EXTENSION:
        this.#extension(octet);
        break;
      case SIZE_END:
        if (octet !== LF) this.#fail("a chunk's size does not end with CRLF");
        else this.#state = this.#left === 0 ? TRAILER_START : DATA;
        this.#digits = 0;
        break;
      case DATA_CR:
        if (octet !== CR) this.#fail("a chunk is longer than its size");
        else this.#state = DATA_LF;
        break;
      case DATA_LF:
        if (octet !== LF) this.#fail("a chunk does not end with CRLF");
        else this.#state = SIZE;
        break;
      case TRAILER_START:
        this.#state = octet === CR ? LAST_LF : TRAILER;
        break;
      default:
        if (octet !== LF) this.#fail("the last chunk does not end with CRLF");
        else this.done = true;
    }
  }

  #size(octet: number): void {
    const digit = hexDigit(octet);
    if (digit !== -1) {
      this.#left = this.#left * 16 + digit;
      this.#digits++;
      if (this.#left >= 2 ** (4 * SIZE_DIGITS) || this.#digits > SIZE_DIGITS_WITH_ZEROS)
        this.#fail("a chunk's size is too large");
    } else if (this.#digits === 0) this.#fail("a chunk has no size");
    else if (octet === CR) this.#state = SIZE_END;
    else {
      this.#state = EXTENSION;
      this.#extension(octet);
    }
  }

  #extension(octet: number): void {
    if (octet === CR) {
      if (!EXTENSIONS.test(this.#text)) this.#fail("a chunk's size or extension is malformed");
      this.#text = "";
      this.#state = SIZE_END;
      return;
    }
    this.#extensionBytes++;
    if (this.#extensionBytes > EXTENSION_BYTES) this.#fail("the body's chunk extensions are too long");
    else if (octet === LF) this.#fail("a line feed stands alone in a chunk's size");
    else this.#text += String.fromCharCode(octet);
  }

  #trailer(bytes: Buffer, at: number, to: number): number {
    const before = this.#text.length;
    this.#text += bytes.latin1Slice(at, to);
    const end = this.#text.indexOf("\r\n\r\n", Math.max(0, before - 3));
    if ((end === -1 ? this.#text.length : end) > this.#limits.head) {
      this.#fail("the trailers are too long");
      return to;
    }
    if (end === -1) return to;
    const section = Buffer.from(this.#text.slice(0, end + 4), "latin1");
    const read = scanFields(section, 0, section.length, 0, this.#limits.fields);
    if (read === TOO_MANY) this.#fail("there are too many trailers");
    else if (read === REFUSED) this.#fail(`in the trailers ${scanned.problem}`);
    else if ((scanned.kinds & NEVER_IN_TRAILERS) !== 0)
      this.#fail("a trailer would change the message's framing");
    else {
      this.trailers = scannedFields(this.#text.slice(0, end + 4));
      this.trailers.dropped = ALL_KINDS;
      for (const name of DROPPED_FROM_TRAILERS) this.trailers.remove(name);
      this.done = true;
    }
    return at + (end + 4 - before);
  }

  #fail(problem: string): void {
    this.problem = problem;
  }
}

function hexDigit(octet: number): number {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const letter = octet | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
