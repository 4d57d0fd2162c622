/** Shared memory of a table; goes to workers as it is. Pages that nobody wrote take no memory. */
export interface TableMemory {
  /** Entries that it holds at most. */
  readonly entries: number;
  /** Int32 words of one entry; even. */
  readonly stride: number;
  readonly header: SharedArrayBuffer;
  readonly buckets: SharedArrayBuffer;
  readonly nodes: SharedArrayBuffer;
}

/** Words of every entry: its key, the next of its bucket, what it counts, then 64 bits that change whole, then a Float64. */
export const NODE = { low: 0, high: 1, next: 2, kind: 3, cell: 4, second: 5, scale: 6, own: 8 } as const;

/** The second word of a cell whose entry is taken out: nobody changes it any more. */
export const DEAD = -1;

/** Words of the header: a cell with the top of the free entries and how often it changed, entries ever used, entries in use. */
const HEADER = { free: 0, tag: 1, fresh: 2, used: 3, wanted: 4 } as const;

const NOTHING = 0;

/** The two words of 64 bits, by which BigInts are taken apart and put together: arithmetic on them is dear. */
const bits: BigInt64Array = new BigInt64Array(1);
const halves: Int32Array = new Int32Array(bits.buffer);

/** The 64 bits of two words. */
export function joined(first: number, second: number): bigint {
  halves[0] = first;
  halves[1] = second;
  return bits[0]!;
}

/** The first word of 64 bits; the second is then what `secondWord` gives. */
export function firstWord(value: bigint): number {
  bits[0] = value;
  return halves[0]!;
}

/** The second word of what `firstWord` was asked for last. */
export function secondWord(): number {
  return halves[1]!;
}

/** Memory of a table. */
export function createTable(entries: number, stride: number): TableMemory {
  const buckets = 2 ** Math.ceil(Math.log2(Math.max(2, entries)));
  return {
    entries,
    stride,
    header: new SharedArrayBuffer(8 * 4),
    buckets: new SharedArrayBuffer(buckets * 4),
    // The entry 0 is none.
    nodes: new SharedArrayBuffer((entries + 1) * stride * 4),
  };
}

/**
 * Entries by 64-bit keys in shared memory, without a lock: a thread that dies in the middle of anything leaves nothing
 * locked. Each bucket is a list; who adds to it swings its head, which fails where somebody else was faster, so that no key
 * is there twice. Entries are taken out by one thread only (`TableSweep`), and used again when nobody can hold them any more.
 */
export class SharedTable {
  readonly entries: number;
  readonly stride: number;
  readonly words: Int32Array;
  readonly longs: BigInt64Array;
  readonly scales: Float64Array;
  readonly #header: Int32Array;
  readonly #longHeader: BigInt64Array;
  readonly #buckets: Int32Array;
  readonly #mask: number;

  constructor({ entries, stride, header, buckets, nodes }: TableMemory) {
    this.entries = entries;
    this.stride = stride;
    this.words = new Int32Array(nodes);
    this.longs = new BigInt64Array(nodes);
    this.scales = new Float64Array(nodes);
    this.#header = new Int32Array(header);
    this.#longHeader = new BigInt64Array(header);
    this.#buckets = new Int32Array(buckets);
    this.#mask = this.#buckets.length - 1;
  }

  /** Entries that are in use, or were a moment ago. */
  get used(): number {
    return Atomics.load(this.#header, HEADER.used);
  }

  /** Entries that were ever used: those behind them hold nothing. */
  get touched(): number {
    return Math.min(this.entries, Atomics.load(this.#header, HEADER.fresh));
  }

  /** How many buckets there are. */
  get buckets(): number {
    return this.#buckets.length;
  }

  /** Whether somebody found no room since this was asked last. */
  wasFull(): boolean {
    return Atomics.exchange(this.#header, HEADER.wanted, 0) !== 0;
  }

  /** The entry of a key; 0 for none. */
  find(low: number, high: number): number {
    return this.#within(low, high, Atomics.load(this.#buckets, low & this.#mask));
  }

  #within(low: number, high: number, head: number): number {
    const { words, stride } = this;
    for (let node = head; node !== NOTHING; ) {
      const at = node * stride;
      if (
        words[at] === low &&
        words[at + NODE.high] === high &&
        Atomics.load(words, at + NODE.second) !== DEAD
      )
        return node;
      node = Atomics.load(words, at + NODE.next);
    }
    return NOTHING;
  }

  /**
   * The entry of a key; one is made where there is none. 0 where there is no room.
   * @param second what the second word of a new entry's cell holds; the first, and all words of its own, are 0
   */
  claim(low: number, high: number, kind: number, scale: number, second: number): number {
    const { words, stride } = this;
    const bucket = low & this.#mask;
    let made: number = NOTHING;
    for (;;) {
      const head = Atomics.load(this.#buckets, bucket);
      const found = this.#within(low, high, head);
      if (found !== NOTHING) {
        if (made !== NOTHING) this.free(made);
        return found;
      }
      if (made === NOTHING) {
        made = this.#allocate();
        if (made === NOTHING) {
          Atomics.store(this.#header, HEADER.wanted, 1);
          return NOTHING;
        }
        const at = made * stride;
        words[at] = low;
        words[at + NODE.high] = high;
        words[at + NODE.kind] = kind;
        words[at + NODE.cell] = 0;
        words[at + NODE.second] = second;
        this.scales[(at + NODE.scale) >> 1] = scale;
        words.fill(0, at + NODE.own, at + stride);
      }
      Atomics.store(words, made * stride + NODE.next, head);
      if (Atomics.compareExchange(this.#buckets, bucket, head, made) === head) return made;
    }
  }

  /** An entry that is nobody's. One whose thread dies before it is in a list is lost: there are more entries than deaths. */
  #allocate(): number {
    const { words, stride } = this;
    const header = this.#longHeader;
    for (;;) {
      const seen = Atomics.load(header, 0);
      const top = firstWord(seen);
      const tag = secondWord();
      if (top === NOTHING) break;
      const next = Atomics.load(words, top * stride + NODE.next);
      if (Atomics.compareExchange(header, 0, seen, joined(next, (tag + 1) | 0)) !== seen) continue;
      Atomics.add(this.#header, HEADER.used, 1);
      return top;
    }
    if (Atomics.load(this.#header, HEADER.fresh) >= this.entries) return NOTHING;
    const fresh = Atomics.add(this.#header, HEADER.fresh, 1) + 1;
    if (fresh > this.entries) {
      Atomics.sub(this.#header, HEADER.fresh, 1);
      return NOTHING;
    }
    Atomics.add(this.#header, HEADER.used, 1);
    return fresh;
  }

  /** @internal Gives an entry back that is in no list, and that nobody can hold any more. */
  free(node: number): void {
    const header = this.#longHeader;
    for (;;) {
      const seen = Atomics.load(header, 0);
      const top = firstWord(seen);
      const tag = secondWord();
      Atomics.store(this.words, node * this.stride + NODE.next, top);
      if (Atomics.compareExchange(header, 0, seen, joined(node, (tag + 1) | 0)) === seen) break;
    }
    Atomics.sub(this.#header, HEADER.used, 1);
  }

  /** @internal The first entry of a bucket. */
  head(bucket: number): number {
    return Atomics.load(this.#buckets, bucket);
  }

  /** @internal What comes behind an entry in its bucket. */
  after(node: number): number {
    return Atomics.load(this.words, node * this.stride + NODE.next);
  }

  /** @internal Takes an entry out of its bucket; by one thread only. */
  unlink(bucket: number, node: number): void {
    const next = this.after(node);
    const head = Atomics.compareExchange(this.#buckets, bucket, node, next);
    if (head === node) return;
    // Others may have come before it; behind the head only this thread changes what is next.
    let before = head;
    while (this.after(before) !== node) before = this.after(before);
    Atomics.store(this.words, before * this.stride + NODE.next, next);
  }
}
