const BLOCK_WORDS = 16_384;

/** A seeded generator: the same seed gives the same numbers and bytes, however the reads are split. */
export class Random {
  #word: number;
  #choice: number;
  #block = new Uint8Array(0);
  #at = 0;

  constructor(seed: number) {
    this.#word = scramble(seed);
    this.#choice = scramble(seed ^ 0x5bd1e995);
  }

  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number {
    this.#choice = step(this.#choice);
    return (this.#choice >>> 0) % limit;
  }

  /** The next `length` bytes of the stream. */
  bytes(length: number): Buffer {
    const result = Buffer.allocUnsafe(length);
    for (let filled = 0; filled < length; ) {
      if (this.#at === this.#block.length) this.#refill();
      const piece = this.#block.subarray(this.#at, this.#at + length - filled);
      result.set(piece, filled);
      filled += piece.length;
      this.#at += piece.length;
    }
    return result;
  }

  /** Cuts `bytes` into pieces of random size, at most `most` bytes each. */
  cut(bytes: Buffer, most: number): Buffer[] {
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + this.below(most);
      pieces.push(bytes.subarray(at, at + size));
      at += size;
    }
    return pieces;
  }

  #refill(): void {
    const words = new Uint32Array(BLOCK_WORDS);
    let word = this.#word;
    for (let index = 0; index < BLOCK_WORDS; index++) {
      word = step(word);
      words[index] = word;
    }
    this.#word = word;
    this.#block = new Uint8Array(words.buffer);
    this.#at = 0;
  }
}

function step(word: number): number {
  let next = word ^ (word << 13);
  next ^= next >>> 17;
  return next ^ (next << 5);
}

function scramble(seed: number): number {
  let word = Math.imul(seed + 1, 0x9e3779b1) | 1;
  for (let round = 0; round < 8; round++) word = step(word);
  return word;
}
