import { DEFAULT_TABLE_BYTES } from "./decoder.ts";
import { EncodingTable, type KnownName } from "./encoding-table.ts";
import { encodeHuffman, huffmanLength } from "./huffman.ts";

/** Cookies shorter than this could be found by trying them out (RFC 7541 §7.1.3). */
const COOKIE_MIN = 20;

/** First octets of the forms of RFC 7541 §6 and the bits of theirs that belong to the index. */
const INDEXED = 0x80;
const INDEXING = 0x40;
const WITHOUT = 0x00;
const NEVER = 0x10;
const SIZE_UPDATE = 0x20;

/** Where blocks are made, one at a time: an encoder is not left between `begin` and `take`. */
let out = Buffer.allocUnsafeSlow(4_096);
let at = 0;

/** Writes the header blocks of one direction of a connection (RFC 7541). */
export class HpackEncoder {
  readonly #table = new EncodingTable(DEFAULT_TABLE_BYTES);
  #max = DEFAULT_TABLE_BYTES;
  /** The smallest size since the last block; undefined when it did not change. */
  #smallest: number | undefined = undefined;

  /** The peer allows so many bytes of dynamic table (SETTINGS_HEADER_TABLE_SIZE); more than 4096 are not used. */
  setMaxTableBytes(n: number): void {
    const max = Math.min(n, DEFAULT_TABLE_BYTES);
    if (max === this.#max) return;
    this.#max = max;
    this.#smallest = Math.min(this.#smallest ?? max, max);
    this.#table.resize(max);
  }

  /** Begins a block; `add`s and a `take` follow before any other encoder begins one. */
  begin(): void {
    at = 0;
    if (this.#smallest === undefined) return;
    if (this.#smallest < this.#max) putInteger(SIZE_UPDATE, 0x1f, this.#smallest);
    putInteger(SIZE_UPDATE, 0x1f, this.#max);
    this.#smallest = undefined;
  }

  /** Adds a field to the block: a name in lower case and a value, both Latin-1. */
  add(name: string, value: string): void {
    reserve(name.length + value.length);
    const known = this.#table.know(name);
    if (known === undefined) {
      putLiteral(WITHOUT, 0, name, value);
      return;
    }
    switch (known.treatment) {
      case "index":
        this.#addRepeating(known, value);
        break;
      case "literal":
        this.#addChanging(known, value);
        break;
      case "never":
        putLiteral(NEVER, known.index, name, value);
        break;
      default:
        if (value.length < COOKIE_MIN) putLiteral(NEVER, known.index, name, value);
        else this.#addRepeating(known, value);
    }
  }

  /** A field gets its place in the table when it comes the second time in a row: what never repeats drives nothing out. */
  #addRepeating(known: KnownName, value: string): void {
    const index = this.#table.find(known, value);
    if (index !== 0) {
      putInteger(INDEXED, 0x7f, index);
      return;
    }
    const repeats = known.last === value && this.#table.fits(known.name, value);
    known.last = value;
    putLiteral(repeats ? INDEXING : WITHOUT, this.#table.nameIndex(known), known.name, value);
    if (repeats) this.#table.add(known, value);
  }

  /** A field whose values follow each other: written anew when it changed. */
  #addChanging(known: KnownName, value: string): void {
    if (known.written !== undefined && known.last === value) {
      out.set(known.written, at);
      at += known.written.length;
      return;
    }
    const start = at;
    putLiteral(WITHOUT, known.index, known.name, value);
    known.last = value;
    known.written = Uint8Array.prototype.slice.call(out, start, at);
  }

  /** The block, as bytes of its own. */
  take(): Buffer {
    return Buffer.from(out.subarray(0, at));
  }

  /** The block as a string of Latin-1, for a message that leaves as one. */
  takeText(): string {
    return out.latin1Slice(0, at);
  }

  /** A whole block: name, value, name, value …, names in lower case, all Latin-1. */
  encode(fields: readonly string[]): Buffer {
    this.begin();
    for (let i = 0; i < fields.length; i += 2) this.add(fields[i]!, fields[i + 1]!);
    return this.take();
  }
}

/** Makes room for a field of so many characters, whatever its form. */
function reserve(length: number): void {
  const needed = at + length + 32;
  if (needed <= out.length) return;
  const larger = Buffer.allocUnsafeSlow(needed * 2);
  out.copy(larger, 0, 0, at);
  out = larger;
}

/** RFC 7541 §5.1. */
function putInteger(form: number, prefix: number, value: number): void {
  if (value < prefix) {
    out[at++] = form | value;
    return;
  }
  out[at++] = form | prefix;
  let rest = value - prefix;
  for (; rest >= 0x80; rest >>>= 7) out[at++] = 0x80 | (rest & 0x7f);
  out[at++] = rest;
}

/** A literal field (RFC 7541 §6.2), its name by index where that is not 0. */
function putLiteral(form: number, index: number, name: string, value: string): void {
  putInteger(form, form === INDEXING ? 0x3f : 0x0f, index);
  if (index === 0) putString(name);
  putString(value);
}

/** Huffman-coded where that is shorter (RFC 7541 §5.2). */
function putString(text: string): void {
  const { length } = text;
  const packed = huffmanLength(text);
  if (packed < length) {
    putInteger(0x80, 0x7f, packed);
    at = encodeHuffman(text, out, at);
    return;
  }
  putInteger(0x00, 0x7f, length);
  for (let i = 0; i < length; i++) out[at++] = text.charCodeAt(i);
}
