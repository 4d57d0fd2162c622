import {
  CONSUMER_BYTES,
  CREDENTIAL_BYTES,
  HEAD,
  HEAD_WORDS,
  hashText,
  MAGIC,
  RECORD_KINDS,
  type RecordKind,
  sameText,
  type TextHash,
} from "./consumer-table.ts";

/** A credential to be put in a table. */
export interface NewCredential {
  readonly kind: Exclude<RecordKind, "name">;
  /** What it is looked up by. */
  readonly by: string;
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly expires: number;
  readonly proof: string;
}

/** Two records that are looked up by the same text. */
export interface Clash {
  readonly kind: RecordKind;
  /** Where both were written: numbers that `add` was given. */
  readonly first: WrittenAt;
  readonly second: WrittenAt;
}

/** Where a consumer was written: number of the source, and of the line or item in it. */
export interface WrittenAt {
  readonly source: number;
  readonly line: number;
}

const CHUNK = 4 * 1_048_576;
/** Numbers kept of each record until the index is made. */
const ENTRY = 5;
const HASH: TextHash = { slot: 0, tag: 0 };

/** Collects consumers and makes a table of them. */
export class ConsumerTableBuilder {
  readonly #chunks: { readonly bytes: Buffer; used: number }[] = [];
  /** Words of the chunks that are full. */
  #words = 0;
  readonly #entries: Int32Array[] = [];
  #last: Int32Array = new Int32Array(0);
  #size = 0;
  readonly #counts: number[] = RECORD_KINDS.map(() => 0);
  #password = 0;

  /** How many consumers were added. */
  get size(): number {
    return this.#counts[0]!;
  }

  /** Adds a consumer; `about` is JSON or empty. Throws a RangeError for a text that is too long. */
  add(name: string, about: string, credentials: readonly NewCredential[], at: WrittenAt): void {
    const consumer = this.#record(0, name, CONSUMER_BYTES, [about], at);
    const bytes = this.#chunks.at(-1)!.bytes;
    bytes.writeInt32LE(LENGTHS[1]!, this.#offset(consumer) + 4);
    for (const one of credentials) this.#credential(one, consumer, at);
  }

  #credential(
    { kind, by, id, notBefore, expires, proof }: NewCredential,
    consumer: number,
    at: WrittenAt,
  ): void {
    const record = this.#record(RECORD_KINDS.indexOf(kind), by, CREDENTIAL_BYTES, [id, proof], at);
    const bytes = this.#chunks.at(-1)!.bytes;
    const start = this.#offset(record);
    bytes.writeInt32LE(consumer, start + 4);
    bytes.writeDoubleLE(notBefore, start + 8);
    bytes.writeDoubleLE(expires, start + 16);
    bytes.writeInt32LE(LENGTHS[1]!, start + 24);
    bytes.writeInt32LE(LENGTHS[2]!, start + 28);
    if (kind === "basic" && this.#password === 0) this.#password = record;
  }

  /** Writes a record's texts and its first number; gives where it stands, counted in words from the first record. */
  #record(kind: number, by: string, head: number, texts: readonly string[], at: WrittenAt): number {
    let room = head + 3 * by.length + 4;
    for (const text of texts) room += 3 * text.length;
    let chunk = this.#chunks.at(-1);
    if (chunk === undefined || chunk.used + room > chunk.bytes.length) {
      this.#words += (chunk?.used ?? 0) >>> 2;
      chunk = { bytes: Buffer.allocUnsafeSlow(Math.max(CHUNK, room + 4)), used: 0 };
      this.#chunks.push(chunk);
    }
    const { bytes } = chunk;
    const start = chunk.used;
    let end = start + head;
    LENGTHS[0] = bytes.write(by, end, "utf8");
    end += LENGTHS[0];
    for (const [i, text] of texts.entries()) {
      LENGTHS[i + 1] = text === "" ? 0 : bytes.write(text, end, "utf8");
      end += LENGTHS[i + 1]!;
    }
    if (LENGTHS[0] > 0xffffff) throw new RangeError("a text is longer than 16 MiB");
    bytes.writeInt32LE((kind << 24) | LENGTHS[0], start);
    const padded = (end + 3) & ~3;
    bytes.fill(0, end, padded);
    chunk.used = padded;
    const record = this.#words + (start >>> 2) + 1;
    hashText(kind, by, HASH);
    this.#enter(HASH.slot, HASH.tag, record, at);
    this.#counts[kind]!++;
    return record;
  }

  /** Byte in the last chunk at which a record stands that was just written. */
  #offset(record: number): number {
    return (record - 1 - this.#words) * 4;
  }

  #enter(slot: number, tag: number, record: number, { source, line }: WrittenAt): void {
    let at = this.#size % ENTRIES;
    if (at === 0) {
      this.#last = new Int32Array(ENTRIES * ENTRY);
      this.#entries.push(this.#last);
    }
    at *= ENTRY;
    this.#last[at] = slot;
    this.#last[at + 1] = tag;
    this.#last[at + 2] = record;
    this.#last[at + 3] = source;
    this.#last[at + 4] = line;
    this.#size++;
  }

  /** The table, and what stands in it twice: at most `maxClashes` of it. The builder is empty afterwards. */
  build(maxClashes: number): { readonly memory: SharedArrayBuffer; readonly clashes: readonly Clash[] } {
    let slots = 16;
    while (slots < this.#size * 1.5) slots *= 2;
    const first = HEAD_WORDS + 2 * slots;
    const end = first + this.#words + ((this.#chunks.at(-1)?.used ?? 0) >>> 2);
    const memory = new SharedArrayBuffer(end * 4);
    const words = new Int32Array(memory);
    words.set([MAGIC, slots, first, end, this.#password === 0 ? 0 : this.#password - 1 + first]);
    words.set(this.#counts, HEAD.counts);
    let at = first * 4;
    const all = Buffer.from(memory);
    for (const { bytes, used } of this.#chunks.splice(0)) {
      bytes.copy(all, at, 0, used);
      at += used;
    }
    // A consumer's place was written before the size of the index was known.
    for (let record = first; record < end; record = after(words, record))
      if (words[record]! >>> 24 !== 0) words[record + 1]! += first - 1;
    return { memory, clashes: this.#index(words, all, first, maxClashes) };
  }

  #index(words: Int32Array, bytes: Buffer, first: number, maxClashes: number): Clash[] {
    const clashes: Clash[] = [];
    const mask = words[HEAD.slots]! - 1;
    for (let i = 0; i < this.#size; i++) {
      const entries = this.#entries[Math.floor(i / ENTRIES)]!;
      const entry = (i % ENTRIES) * ENTRY;
      const tag = entries[entry + 1]!;
      const record = entries[entry + 2]! - 1 + first;
      let slot = entries[entry]! & mask;
      for (;;) {
        const there = words[HEAD_WORDS + 2 * slot + 1]!;
        if (there === 0) {
          words[HEAD_WORDS + 2 * slot] = tag;
          words[HEAD_WORDS + 2 * slot + 1] = record;
          break;
        }
        if (words[HEAD_WORDS + 2 * slot] === tag && isSame(words, bytes, there, record)) {
          if (clashes.length < maxClashes) clashes.push(this.#clash(words, there, i, first));
          break;
        }
        slot = (slot + 1) & mask;
      }
    }
    this.#entries.length = 0;
    return clashes;
  }

  #clash(words: Int32Array, there: number, second: number, first: number): Clash {
    let before = 0;
    while (this.#entry(before, 2) - 1 + first !== there) before++;
    return {
      kind: RECORD_KINDS[words[there]! >>> 24]!,
      first: { source: this.#entry(before, 3), line: this.#entry(before, 4) },
      second: { source: this.#entry(second, 3), line: this.#entry(second, 4) },
    };
  }

  #entry(i: number, what: number): number {
    return this.#entries[Math.floor(i / ENTRIES)]![(i % ENTRIES) * ENTRY + what]!;
  }
}

/** Entries of one block. */
const ENTRIES = 65_536;
/** Bytes of the texts of the record that was written last. */
const LENGTHS: number[] = [0, 0, 0];

function after(words: Int32Array, at: number): number {
  const head = words[at]!;
  const by = head & 0xffffff;
  const bytes =
    head >>> 24 === 0
      ? CONSUMER_BYTES + by + words[at + 1]!
      : CREDENTIAL_BYTES + by + words[at + 6]! + words[at + 7]!;
  return at + ((bytes + 3) >>> 2);
}

function isSame(words: Int32Array, bytes: Buffer, a: number, b: number): boolean {
  const head = words[a]!;
  if (head !== words[b]) return false;
  const texts = head >>> 24 === 0 ? CONSUMER_BYTES : CREDENTIAL_BYTES;
  const length = head & 0xffffff;
  const text = bytes.toString("utf8", b * 4 + texts, b * 4 + texts + length);
  return sameText(bytes, a * 4 + texts, length, text);
}
