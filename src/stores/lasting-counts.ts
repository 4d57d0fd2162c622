import { crc32 } from "node:zlib";
import { Cell, KIND, later, MOST_UNITS } from "./bound.ts";
import { HASH_KEY_BYTES } from "./keyed-hash.ts";
import type { LimitMemory } from "./limit-memory.ts";
import { DEAD, firstWord, joined, NODE, SharedTable, secondWord } from "./shared-table.ts";

/** What one entry of a calendar window came to. */
interface LastingCount {
  readonly low: number;
  readonly high: number;
  readonly units: number;
  /** Number of its window. */
  readonly id: number;
  /** Greatest length of its windows, in milliseconds. */
  readonly window: number;
}

const MAGIC = 0x544c494d;
const VERSION = 1;
const HEAD = 16 + HASH_KEY_BYTES;
const RECORD = 24;

/** What was kept of calendar windows: the counts, and the key that their keys were hashed with. */
export interface KeptCounts {
  readonly hashKey: Uint8Array;
  readonly counts: readonly LastingCount[];
}

/** Reads what was kept. Throws an Error for what is damaged or of another kind. */
export function parseCounts(bytes: Uint8Array): KeptCounts {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEAD || view.getUint32(0) !== MAGIC) throw new Error("it holds no counts of limits");
  if (view.getUint32(4) !== VERSION) throw new Error("another version of this program wrote it");
  const count = view.getUint32(8);
  if (bytes.length !== HEAD + count * RECORD || view.getUint32(12) !== crc32(bytes.subarray(16)))
    throw new Error("it is damaged");
  const counts: LastingCount[] = [];
  for (let at = HEAD; at < bytes.length; at += RECORD)
    counts.push({
      low: view.getInt32(at),
      high: view.getInt32(at + 4),
      units: view.getUint32(at + 8),
      id: view.getUint32(at + 12),
      window: view.getFloat64(at + 16),
    });
  return { hashKey: bytes.slice(16, HEAD), counts };
}

/** The counts of calendar windows, which outlive the process. For the thread that keeps the memory. */
export class LastingCounts {
  readonly #table: SharedTable;
  readonly #cell: Cell;
  readonly #hashKey: Uint8Array;
  /** What has been taken in, by key: of what is read again only the difference counts. */
  #taken = new Map<string, LastingCount>();

  constructor({ counts, hashKey }: LimitMemory) {
    this.#table = new SharedTable(counts);
    this.#cell = new Cell(this.#table);
    this.#hashKey = hashKey;
  }

  /** All of them as bytes; undefined where there are none. */
  toBytes(): Buffer | undefined {
    const found: LastingCount[] = [];
    const { words, scales, stride, touched } = this.#table;
    for (let node = 1; node <= touched; node++) {
      const at = node * stride;
      if (words[at + NODE.kind] !== KIND.calendar) continue;
      const units = firstWord(this.#cell.load(at + NODE.cell)) >>> 0;
      const id = secondWord();
      if (id === DEAD || units === 0) continue;
      const [low, high] = [words[at]!, words[at + NODE.high]!];
      found.push({ low, high, units, id, window: scales[(at + NODE.scale) >> 1]! });
    }
    return found.length === 0 ? undefined : this.#write(found);
  }

  #write(counts: readonly LastingCount[]): Buffer {
    const bytes = Buffer.alloc(HEAD + counts.length * RECORD);
    bytes.writeUInt32BE(MAGIC, 0);
    bytes.writeUInt32BE(VERSION, 4);
    bytes.writeUInt32BE(counts.length, 8);
    bytes.set(this.#hashKey, 16);
    counts.forEach(({ low, high, units, id, window }, i) => {
      const at = HEAD + i * RECORD;
      bytes.writeInt32BE(low, at);
      bytes.writeInt32BE(high, at + 4);
      bytes.writeUInt32BE(units, at + 8);
      bytes.writeUInt32BE(id, at + 12);
      bytes.writeDoubleBE(window, at + 16);
    });
    bytes.writeUInt32BE(crc32(bytes.subarray(16)), 12);
    return bytes;
  }

  /**
   * Takes in what was kept, with the same hash key; a second time only what has been added since. Gives how many there was no
   * room for.
   */
  take({ counts }: KeptCounts): number {
    let lost = 0;
    const taken = new Map<string, LastingCount>();
    for (const count of counts) {
      const key = `${count.low} ${count.high}`;
      const before = this.#taken.get(key);
      taken.set(key, count);
      const known = before?.id === count.id ? before.units : 0;
      if (!this.#add(count, Math.max(0, count.units - known))) lost++;
    }
    this.#taken = taken;
    return lost;
  }

  #add({ low, high, id, window }: LastingCount, units: number): boolean {
    const table = this.#table;
    for (;;) {
      const node = table.claim(low, high, KIND.calendar, window, id);
      if (node === 0) return false;
      const before = firstWord(this.#cell.load(node * table.stride + NODE.cell)) >>> 0;
      const there = secondWord();
      if (there === DEAD) continue;
      if (later(there, id) > 0) return true;
      const sum = Math.min(MOST_UNITS, (there === id ? before : 0) + units);
      if (this.#cell.replace(joined(sum | 0, id))) return true;
    }
  }
}
