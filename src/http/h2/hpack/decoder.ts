import { DecodingTable } from "./decoding-table.ts";
import { decodeHuffman } from "./huffman.ts";
import { STATIC_ENTRIES, STATIC_NAMES, STATIC_VALUES } from "./static-table.ts";

/** What SETTINGS_HEADER_TABLE_SIZE is where nobody says otherwise (RFC 9113 §6.5.2). */
export const DEFAULT_TABLE_BYTES = 4_096;

/** Size updates that may begin a block: the smallest size of the time between, and the last (RFC 7541 §4.2). */
const UPDATES_MAX = 2;

/** Takes one field of a block: name and value in Latin-1, as they were sent. */
export type FieldSink = (name: string, value: string) => void;

/** The position behind what was read last. */
let position = 0;
/** Why the last read failed. */
let problem = "";

/** Reads the header blocks of one direction of a connection (RFC 7541); after an error it is of no use any more. */
export class HpackDecoder {
  readonly #limit: number;
  readonly #table: DecodingTable;

  /** @param maxTableBytes bytes of dynamic table that the peer was allowed */
  constructor(maxTableBytes: number = DEFAULT_TABLE_BYTES) {
    this.#limit = maxTableBytes;
    this.#table = new DecodingTable(maxTableBytes);
  }

  /** Bytes that the dynamic table takes. */
  get tableBytes(): number {
    return this.#table.size;
  }

  /**
   * Reads a whole block in `block[from, to)` and hands its fields on in their order.
   * @returns "" or what is wrong: the connection cannot go on (COMPRESSION_ERROR, RFC 9113 §4.3)
   */
  decode(block: Buffer, from: number, to: number, field: FieldSink): string {
    let updates = 0;
    let at = from;
    while (at < to) {
      const first = block[at]!;
      if (first >= 0x80) {
        const index = first === 0xff ? readInteger(block, at, to, 0x7f) : first & 0x7f;
        if (index < 0) return problem;
        if (index === 0 || index > STATIC_ENTRIES + this.#table.count) return NO_ENTRY;
        at = first === 0xff ? position : at + 1;
        this.#indexed(index, field);
        updates = UPDATES_MAX;
      } else if ((first & 0xe0) === 0x20) {
        if (updates >= UPDATES_MAX) return "a table size update stands where none may";
        updates++;
        const size = readInteger(block, at, to, 0x1f);
        if (size < 0) return problem;
        if (size > this.#limit) return "a table size update exceeds the limit";
        this.#table.resize(size);
        at = position;
      } else {
        if (!this.#literal(block, at, to, field)) return problem;
        at = position;
        updates = UPDATES_MAX;
      }
    }
    return "";
  }

  #indexed(index: number, field: FieldSink): void {
    if (index <= STATIC_ENTRIES) field(STATIC_NAMES[index]!, STATIC_VALUES[index]!);
    else field(this.#table.name(index - STATIC_ENTRIES), this.#table.value(index - STATIC_ENTRIES));
  }

  /** A literal field, with indexing or without (RFC 7541 §6.2). */
  #literal(block: Buffer, at: number, to: number, field: FieldSink): boolean {
    const indexing = (block[at]! & 0x40) !== 0;
    const index = readInteger(block, at, to, indexing ? 0x3f : 0x0f);
    if (index < 0) return false;
    let name: string | undefined;
    if (index === 0) {
      name = readString(block, position, to);
      if (name === undefined) return false;
    } else if (index <= STATIC_ENTRIES) name = STATIC_NAMES[index]!;
    else if (index <= STATIC_ENTRIES + this.#table.count) name = this.#table.name(index - STATIC_ENTRIES);
    else {
      problem = NO_ENTRY;
      return false;
    }
    const value = readString(block, position, to);
    if (value === undefined) return false;
    if (indexing) this.#table.add(name, value);
    field(name, value);
    return true;
  }
}

const NO_ENTRY = "an index names no entry";

/**
 * Reads an integer (RFC 7541 §5.1) and moves `position` behind it; four octets behind the prefix are enough for any that
 * means something.
 * @param prefix the bits of the first octet that belong to it
 * @returns -1 and a `problem` when it is cut or too large
 */
function readInteger(block: Uint8Array, at: number, to: number, prefix: number): number {
  let value = block[at]! & prefix;
  position = at + 1;
  if (value < prefix) return value;
  for (let shift = 0; shift <= 21; shift += 7) {
    if (position >= to) return cut();
    const octet = block[position++]!;
    value += (octet & 0x7f) << shift;
    if (octet < 0x80) return value;
  }
  problem = "an integer is too large";
  return -1;
}

/** Reads a string (RFC 7541 §5.2) and moves `position` behind it; undefined and a `problem` when it cannot be read. */
function readString(block: Buffer, at: number, to: number): string | undefined {
  if (at >= to) {
    cut();
    return undefined;
  }
  const packed = block[at]! >= 0x80;
  const length = readInteger(block, at, to, 0x7f);
  if (length < 0) return undefined;
  const start = position;
  const end = start + length;
  if (end > to) {
    cut();
    return undefined;
  }
  position = end;
  if (!packed) return block.latin1Slice(start, end);
  const text = decodeHuffman(block, start, end);
  if (text === undefined) problem = "a string is not Huffman-coded as it says";
  return text;
}

function cut(): number {
  problem = "the block ends in the middle of a field";
  return -1;
}
