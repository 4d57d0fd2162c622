import { isUtf8 } from "node:buffer";

/** Bounds of a JSON text. */
export interface JsonLimits {
  /** Objects and arrays in each other; 0 lets in plain values alone. */
  readonly depth: number;
  /** Members of one object, or elements of one array. */
  readonly entries: number;
  /** Values in all: objects and arrays too. */
  readonly values: number;
  /** Octets of a name, as written between its quotes. */
  readonly keyLength: number;
  /** Octets of a string, as written between its quotes. */
  readonly stringLength: number;
  /** Octets of a number. */
  readonly numberLength: number;
  /** Whether a name may stand twice in one object. */
  readonly duplicates: boolean;
}

/** What is wrong with a JSON text. */
export type JsonFault =
  | "malformed"
  | "depth"
  | "entries"
  | "values"
  | "key"
  | "string"
  | "number"
  | "duplicate";

/** A fault and the octet where it shows, from 0. */
export interface JsonProblem {
  readonly fault: JsonFault;
  readonly at: number;
  readonly what: string;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;

const NAMES = { true: Buffer.from("true"), false: Buffer.from("false"), null: Buffer.from("null") };

/**
 * Holds octets against RFC 8259 and bounds, without making anything of them; undefined where all is well. Stricter than JSON.parse:
 * octets that are no UTF-8, half a surrogate pair, a byte order mark, and names that stand twice are refused.
 */
export function scanJson(bytes: Uint8Array, limits: JsonLimits): JsonProblem | undefined {
  if (!isUtf8(bytes)) return { fault: "malformed", at: 0, what: "it is not UTF-8" };
  if (bytes[0] === 0xef && bytes[1] === 0xbb)
    return { fault: "malformed", at: 0, what: "it begins with a byte order mark" };
  return new Scan(bytes, limits).run();
}

/** One object or array that is open. */
interface Open {
  readonly object: boolean;
  count: number;
  /** The only name so far, then all of them. */
  first: string | undefined;
  names: Set<string> | undefined;
}

/** Walks once over the octets; what is open lies in a list, so that no depth exhausts the stack. */
class Scan {
  readonly #bytes: Uint8Array;
  readonly #limits: JsonLimits;
  readonly #open: Open[] = [];
  #at = 0;
  #values = 0;
  #problem: JsonProblem | undefined = undefined;
  /** The string that was read last holds a backslash. */
  #escaped = false;

  constructor(bytes: Uint8Array, limits: JsonLimits) {
    this.#bytes = bytes;
    this.#limits = limits;
  }

  run(): JsonProblem | undefined {
    while (this.#value() && this.#behindValue());
    if (this.#problem !== undefined) return this.#problem;
    this.#blank();
    if (this.#at < this.#bytes.length) this.#fail("malformed", "something follows the value");
    return this.#problem;
  }

  /** Reads a plain value, or what begins an object or array. False where it failed. */
  #value(): boolean {
    this.#blank();
    if (++this.#values > this.#limits.values)
      return this.#fail("values", `more than ${this.#limits.values} values`);
    const octet = this.#bytes[this.#at];
    switch (octet) {
      case 0x7b:
      case 0x5b:
        return this.#begin(octet === 0x7b);
      case QUOTE:
        return this.#string("string", this.#limits.stringLength);
      case 0x74:
        return this.#word(NAMES.true);
      case 0x66:
        return this.#word(NAMES.false);
      case 0x6e:
        return this.#word(NAMES.null);
      default:
        return octet === MINUS || isDigit(octet) ? this.#number() : this.#unexpected();
    }
  }

  #begin(object: boolean): boolean {
    if (this.#open.length >= this.#limits.depth)
      return this.#fail("depth", `more than ${this.#limits.depth} levels`);
    this.#open.push({ object, count: 0, first: undefined, names: undefined });
    this.#at++;
    return true;
  }

  /** Goes on behind a value, or behind what began one, to where the next begins. False at the end, and where it failed. */
  #behindValue(): boolean {
    let fresh = this.#isFresh();
    for (;;) {
      const open = this.#open.at(-1);
      if (open === undefined) return false;
      this.#blank();
      const octet = this.#bytes[this.#at];
      if (octet === (open.object ? 0x7d : 0x5d)) {
        this.#at++;
        this.#open.pop();
        fresh = false;
        continue;
      }
      if (!fresh) {
        if (octet !== COMMA) return this.#unexpected();
        this.#at++;
      }
      if (++open.count > this.#limits.entries)
        return this.#fail("entries", `more than ${this.#limits.entries} entries`);
      return !open.object || this.#name(open);
    }
  }

  /** Whether what was read last began an object or array, and is no value that is over. */
  #isFresh(): boolean {
    const octet = this.#bytes[this.#at - 1];
    return octet === 0x7b || octet === 0x5b;
  }

  #name(open: Open): boolean {
    this.#blank();
    const start = this.#at;
    if (this.#bytes[start] !== QUOTE) return this.#unexpected();
    if (!this.#string("key", this.#limits.keyLength)) return false;
    if (!this.#limits.duplicates && !this.#isNew(open, start)) return false;
    this.#blank();
    if (this.#bytes[this.#at] !== COLON) return this.#unexpected();
    this.#at++;
    return true;
  }

  #isNew(open: Open, start: number): boolean {
    const written = Buffer.from(
      this.#bytes.buffer,
      this.#bytes.byteOffset + start,
      this.#at - start,
    ).toString();
    const name = this.#escaped ? (JSON.parse(written) as string) : written.slice(1, -1);
    if (open.first === undefined) {
      open.first = name;
      return true;
    }
    open.names ??= new Set([open.first]);
    if (open.names.size === open.names.add(name).size) {
      this.#at = start;
      return this.#fail("duplicate", "a name stands twice in its object");
    }
    return true;
  }

  #string(fault: "key" | "string", max: number): boolean {
    const bytes = this.#bytes;
    const start = this.#at + 1;
    this.#escaped = false;
    for (let at = start; at < bytes.length; at++) {
      const octet = bytes[at]!;
      if (octet === QUOTE) {
        if (at - start > max) return this.#fail(fault, `more than ${max} octets`);
        this.#at = at + 1;
        return true;
      }
      if (octet < 0x20) return this.#failAt(at, "a control character in a string");
      if (octet !== BACKSLASH) continue;
      this.#escaped = true;
      at = this.#escape(at + 1);
      if (at === -1) return false;
    }
    return this.#failAt(bytes.length, "a string does not end");
  }

  /** Reads what follows a backslash at `at`; gives where its last octet stands, -1 where it failed. */
  #escape(at: number): number {
    const octet = this.#bytes[at];
    if (octet !== 0x75) {
      if (octet !== undefined && ESCAPED[octet] === 1) return at;
      this.#failAt(at, "an escape that is none");
      return -1;
    }
    const unit = this.#unit(at + 1);
    if (unit >= 0 && (unit < 0xd800 || unit > 0xdfff)) return at + 4;
    const paired = unit < 0xdc00 && this.#bytes[at + 5] === BACKSLASH && this.#bytes[at + 6] === 0x75;
    const low = unit >= 0 && paired ? this.#unit(at + 7) : -1;
    if (low >= 0xdc00 && low <= 0xdfff) return at + 10;
    this.#failAt(at, unit < 0 ? "an escape that is none" : "half a surrogate pair");
    return -1;
  }

  /** Four hexadecimal digits from `at` on; -1 for others. */
  #unit(at: number): number {
    let unit = 0;
    for (let i = at; i < at + 4; i++) {
      const digit = HEX[this.#bytes[i] ?? 0]!;
      if (digit === 255) return -1;
      unit = unit * 16 + digit;
    }
    return unit;
  }

  #number(): boolean {
    const bytes = this.#bytes;
    const start = this.#at;
    let at = bytes[start] === MINUS ? start + 1 : start;
    if (bytes[at] === 0x30) at++;
    else if (isDigit(bytes[at])) at = this.#digits(at);
    else return this.#failAt(at, "a number without digits");
    if (bytes[at] === 0x2e) {
      if (!isDigit(bytes[at + 1])) return this.#failAt(at, "a number without digits behind its point");
      at = this.#digits(at + 1);
    }
    if (bytes[at] === 0x65 || bytes[at] === 0x45) {
      at += bytes[at + 1] === MINUS || bytes[at + 1] === 0x2b ? 2 : 1;
      if (!isDigit(bytes[at])) return this.#failAt(at, "a number without digits in its exponent");
      at = this.#digits(at);
    }
    if (at - start > this.#limits.numberLength)
      return this.#fail("number", `more than ${this.#limits.numberLength} octets`);
    this.#at = at;
    return true;
  }

  #digits(from: number): number {
    let at = from;
    while (isDigit(this.#bytes[at])) at++;
    return at;
  }

  #word(word: Uint8Array): boolean {
    for (let i = 1; i < word.length; i++)
      if (this.#bytes[this.#at + i] !== word[i]) return this.#unexpected();
    this.#at += word.length;
    return true;
  }

  #blank(): void {
    for (;;) {
      const octet = this.#bytes[this.#at];
      if (octet !== 0x20 && octet !== 0x0a && octet !== 0x0d && octet !== 0x09) return;
      this.#at++;
    }
  }

  #unexpected(): false {
    return this.#fail(
      "malformed",
      this.#at < this.#bytes.length ? "something else is expected" : "it ends too early",
    );
  }

  #failAt(at: number, what: string): false {
    this.#at = at;
    return this.#fail("malformed", what);
  }

  #fail(fault: JsonFault, what: string): false {
    this.#problem = { fault, at: this.#at, what };
    return false;
  }
}

function isDigit(octet: number | undefined): boolean {
  return octet !== undefined && octet >= 0x30 && octet <= 0x39;
}

/** 1 for what may follow a backslash, but for `u`. */
const ESCAPED = new Uint8Array(256);
for (const char of '"\\/bfnrt') ESCAPED[char.charCodeAt(0)] = 1;

/** Values of hexadecimal digits; 255 for others. */
const HEX = new Uint8Array(256).fill(255);
for (const [i, char] of [..."0123456789abcdef"].entries()) {
  HEX[char.charCodeAt(0)] = i;
  HEX[char.toUpperCase().charCodeAt(0)] = i;
}
