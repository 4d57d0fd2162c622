/**
 * Consumers and their credentials in one block of shared memory, which every thread reads and none changes.
 *
 * A head, an index by open addressing (two numbers a slot: a tag of the hash and where its record stands), and records in
 * UTF-8: each consumer, behind it its credentials. A record stands at a multiple of 4 bytes; numbers are little-endian.
 */

/** What a record is looked up by: the name of a consumer, or what a credential of a kind shows. */
export const RECORD_KINDS = ["name", "key", "basic", "hmac", "signature", "subject", "certificate"] as const;

/** One of RECORD_KINDS. */
export type RecordKind = (typeof RECORD_KINDS)[number];

/** Numbers in the head. */
export const HEAD = {
  magic: 0,
  slots: 1,
  /** Where records begin and end, in steps of 4 bytes. */
  first: 2,
  end: 3,
  /** Any record of a password, 0 for none. */
  password: 4,
  /** How many there are of each kind, from here on. */
  counts: 8,
} as const;
export const HEAD_WORDS = 16;
export const MAGIC = 0x746f7231;

/** Bytes before the texts of a record: consumers and credentials. */
export const CONSUMER_BYTES = 8;
export const CREDENTIAL_BYTES = 32;

/** A credential as it stands in a table. */
export interface CredentialRecord {
  readonly kind: RecordKind;
  readonly id: string;
  /** Where its consumer's record stands. */
  readonly consumer: number;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly expires: number;
  readonly proof: string;
}

/** A consumer as it stands in a table. */
export interface ConsumerRecord {
  readonly name: string;
  /** What else is known of it, in JSON; empty for nothing. */
  readonly about: string;
}

/** Both halves of a hash: where to look, and what to look for. */
export interface TextHash {
  slot: number;
  tag: number;
}

/** The hash of a text of a kind, put into `out`: nothing is allocated. */
export function hashText(kind: number, text: string, out: TextHash): void {
  let a = 0x811c9dc5 ^ Math.imul(kind + 1, 0x9e3779b1);
  let b = 0x2545f491 ^ Math.imul(kind + 1, 0x85ebca77);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x5bd1e995);
    b ^= b >>> 15;
  }
  out.slot = mixed(a ^ (b << 7));
  out.tag = mixed(b + a);
}

/** Spreads every bit over all others. */
function mixed(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

const hash: TextHash = { slot: 0, tag: 0 };

/** Reads a table. */
export class ConsumerTable {
  readonly #words: Int32Array;
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #mask: number;

  /** Throws a RangeError for memory that is no such table. */
  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#bytes = Buffer.from(memory);
    this.#view = new DataView(memory);
    if (this.#words[HEAD.magic] !== MAGIC) throw new RangeError("not a table of consumers");
    this.#mask = this.#words[HEAD.slots]! - 1;
  }

  /** How many records of a kind there are. */
  count(kind: RecordKind): number {
    return this.#words[HEAD.counts + RECORD_KINDS.indexOf(kind)]!;
  }

  /** Where any password's record stands; 0 for none. */
  get password(): number {
    return this.#words[HEAD.password]!;
  }

  /** Where the record of a kind stands that is looked up by a text; 0 for none. */
  find(kind: RecordKind, by: string): number {
    const number = RECORD_KINDS.indexOf(kind);
    hashText(number, by, hash);
    const { tag } = hash;
    for (let slot = hash.slot & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = this.#words[HEAD_WORDS + 2 * slot + 1]!;
      if (at === 0) return 0;
      if (this.#words[HEAD_WORDS + 2 * slot] === tag && this.#isOf(at, number, by)) return at;
    }
  }

  #isOf(at: number, kind: number, by: string): boolean {
    const head = this.#words[at]!;
    if (head >>> 24 !== kind) return false;
    const start = at * 4 + (kind === 0 ? CONSUMER_BYTES : CREDENTIAL_BYTES);
    return sameText(this.#bytes, start, head & 0xffffff, by);
  }

  /** The consumer whose record stands there. */
  consumer(at: number): ConsumerRecord {
    const start = at * 4 + CONSUMER_BYTES;
    const end = start + (this.#words[at]! & 0xffffff);
    const about = this.#words[at + 1]!;
    return { name: this.#text(start, end), about: about === 0 ? "" : this.#text(end, end + about) };
  }

  /** The credential whose record stands there. */
  credential(at: number): CredentialRecord {
    const head = this.#words[at]!;
    const start = at * 4;
    const ids = start + CREDENTIAL_BYTES + (head & 0xffffff);
    const proofs = ids + this.#words[at + 6]!;
    return {
      kind: RECORD_KINDS[head >>> 24]!,
      id: this.#text(ids, proofs),
      consumer: this.#words[at + 1]!,
      notBefore: this.#view.getFloat64(start + 8, true),
      expires: this.#view.getFloat64(start + 16, true),
      proof: this.#text(proofs, proofs + this.#words[at + 7]!),
    };
  }

  /** When the credential expires whose record stands there, in milliseconds since 1970. */
  expires(at: number): number {
    return this.#view.getFloat64(at * 4 + 16, true);
  }

  /** Whether a consumer's record stands there, and not a credential's. */
  isConsumer(at: number): boolean {
    return this.#words[at]! >>> 24 === 0;
  }

  /** Where all records stand, each consumer's before those of its credentials. */
  *records(): Generator<number> {
    const end = this.#words[HEAD.end]!;
    for (let at = this.#words[HEAD.first]!; at < end; at = this.#after(at)) yield at;
  }

  #after(at: number): number {
    const head = this.#words[at]!;
    const by = head & 0xffffff;
    const bytes =
      head >>> 24 === 0
        ? CONSUMER_BYTES + by + this.#words[at + 1]!
        : CREDENTIAL_BYTES + by + this.#words[at + 6]! + this.#words[at + 7]!;
    return at + ((bytes + 3) >>> 2);
  }

  #text(start: number, end: number): string {
    return this.#bytes.toString("utf8", start, end);
  }
}

/** Whether bytes are the UTF-8 of a text; takes as long wherever they differ. */
export function sameText(bytes: Uint8Array, start: number, length: number, text: string): boolean {
  if (length !== text.length) return !isAscii(text) && sameUtf8(bytes, start, length, text);
  let difference = 0;
  let beyond = 0;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    beyond |= code;
    difference |= code ^ bytes[start + i]!;
  }
  return beyond > 0x7f ? false : difference === 0;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

function sameUtf8(bytes: Uint8Array, start: number, length: number, text: string): boolean {
  const written = Buffer.from(text, "utf8");
  if (written.length !== length) return false;
  let difference = 0;
  for (let i = 0; i < length; i++) difference |= written[i]! ^ bytes[start + i]!;
  return difference === 0;
}
