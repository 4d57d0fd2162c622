/** Bytes of the key of a KeyedHash. */
export const HASH_KEY_BYTES = 8;

/**
 * HalfSipHash-1-3 with a result of 64 bits (J.-P. Aumasson, D. J. Bernstein: SipHash): who does not have the key cannot choose
 * texts that meet. The result is left in `low` and `high`, so that a hash makes no garbage.
 */
export class KeyedHash {
  readonly #k0: number;
  readonly #k1: number;
  /** The result, as two Int32. */
  low: number;
  high: number;

  /** Throws a RangeError for a key of another length than HASH_KEY_BYTES. */
  constructor(key: Uint8Array) {
    if (key.length !== HASH_KEY_BYTES) throw new RangeError(`a hash key has ${HASH_KEY_BYTES} bytes`);
    const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
    this.#k0 = view.getInt32(0, true);
    this.#k1 = view.getInt32(4, true);
    this.low = 0;
    this.high = 0;
  }

  /** Hashes a text by its UTF-16 code units, two to a word. */
  of(text: string): void {
    const k0 = this.#k0;
    const k1 = this.#k1;
    let v0 = k0;
    let v1 = k1 ^ 0xee;
    let v2 = 0x6c796765 ^ k0;
    let v3 = 0x74656462 ^ k1;
    const { length } = text;
    const whole = length & ~1;
    let word = 0;
    for (let i = 0; i <= whole; i += 2) {
      // The last word tells the length: texts that differ in nothing but their ends do not meet.
      if (i < whole) word = text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16);
      else word = (length << 16) | (length & 1 ? text.charCodeAt(i) : 0);
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    v2 ^= 0xee;
    for (let round = 0; round < 6; round++) {
      if (round === 3) {
        this.low = v1 ^ v3;
        v1 ^= 0xdd;
      }
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    this.high = v1 ^ v3;
  }
}
