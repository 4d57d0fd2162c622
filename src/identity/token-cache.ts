/** What is remembered of a token. */
export interface Remembered {
  /** All of it: what is found by its end must be equal to the last character. */
  readonly token: string;
  /** @internal It was asked for since the hand passed. */
  used: boolean;
  /** @internal Its place on the ring. */
  place: number;
}

/** Characters by which tokens are found: the end of a signature is as good as a hash, and is there already. */
const TAIL = 16;

/** A number of 30 bits from a token's end: to hash a text of which each request has a new copy costs five times as much. */
export function tailOf(token: string): number {
  let tail = token.length;
  for (let at = Math.max(0, token.length - TAIL); at < token.length; at++)
    tail = Math.imul(tail, 31) + token.charCodeAt(at);
  return (tail ^ (tail >>> 15)) & 0x3fffffff;
}

/** The bytes that remembered tokens of one thread may take together, as estimated from their lengths. */
export class TokenMemory {
  readonly #most: number;
  readonly #caches = new Set<TokenCache<Remembered>>();
  #bytes = 0;

  constructor(most: number = 128 * 1_048_576) {
    this.#most = most;
  }

  /** @internal A cache took or gave back bytes; where there are too many, the largest ones forget. */
  changed(bytes: number): void {
    this.#bytes += bytes;
    if (bytes < 0) return; // somebody is at it already
    while (this.#bytes > this.#most) {
      let largest: TokenCache<Remembered> | undefined;
      for (const cache of this.#caches)
        if (cache.size > 1 && cache.bytes > (largest?.bytes ?? 0)) largest = cache;
      if (largest === undefined) return;
      largest.evict();
    }
  }

  /** Nobody shares it any more. */
  close(): void {
    this.#caches.clear();
  }

  /** @internal */
  join(cache: TokenCache<Remembered>): void {
    this.#caches.add(cache);
  }

  /** @internal */
  leave(cache: TokenCache<Remembered>): void {
    this.#caches.delete(cache);
  }
}

/**
 * Tokens that were checked, by their text. Full, it forgets those that were not asked for lately (CLOCK). A look-up is one
 * look into a map and one comparison.
 */
export class TokenCache<T extends Remembered> {
  readonly #byTail = new Map<number, T>();
  readonly #ring: T[] = [];
  readonly #memory: TokenMemory;
  readonly #most: number;
  #bytes = 0;
  #hand = 0;

  /**
   * @param memory what it shares with others
   * @param most tokens at most; 0 for none
   */
  constructor(memory: TokenMemory = new TokenMemory(), most = 50_000) {
    this.#memory = memory;
    this.#most = most;
    memory.join(this as unknown as TokenCache<Remembered>);
  }

  /** How many are remembered. */
  get size(): number {
    return this.#ring.length;
  }

  /** Bytes that they take, as estimated. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What is remembered of a token; undefined where nothing is. */
  get(token: string): T | undefined {
    const found = this.#byTail.get(tailOf(token));
    if (found === undefined || found.token !== token) return undefined;
    found.used = true;
    return found;
  }

  /** Remembers; one that ends alike is forgotten. */
  add(entry: T): void {
    if (this.#most === 0) return;
    const tail = tailOf(entry.token);
    const before = this.#byTail.get(tail);
    if (before !== undefined) this.forget(before);
    if (this.#ring.length >= this.#most) {
      this.#seek();
      this.#drop(this.#ring[this.#hand]!);
      this.#place(entry, this.#hand++);
    } else this.#place(entry, this.#ring.length);
    this.#byTail.set(tail, entry);
    entry.used = true; // so that the search for room does not choose it
    this.#took(costOf(entry));
    entry.used = false;
  }

  /** Forgets one that is remembered. */
  forget(entry: T): void {
    this.#drop(entry);
    const last = this.#ring.pop()!;
    if (last !== entry) this.#place(last, entry.place);
  }

  /** Forgets one that was not asked for lately. */
  evict(): void {
    this.#seek();
    this.forget(this.#ring[this.#hand]!);
    this.#hand++; // past what took its place, which is the newest
  }

  /** Forgets all, and takes part in the shared memory no more. */
  close(): void {
    this.#byTail.clear();
    this.#ring.length = 0;
    this.#took(-this.#bytes);
    this.#memory.leave(this as unknown as TokenCache<Remembered>);
  }

  #took(bytes: number): void {
    this.#bytes += bytes;
    this.#memory.changed(bytes);
  }

  #place(entry: T, place: number): void {
    this.#ring[place] = entry;
    entry.place = place;
  }

  #drop(entry: T): void {
    this.#byTail.delete(tailOf(entry.token));
    this.#took(-costOf(entry));
  }

  /** Moves the hand to one that may go; it ends after two rounds at most. */
  #seek(): void {
    for (;;) {
      if (this.#hand >= this.#ring.length) this.#hand = 0;
      const entry = this.#ring[this.#hand]!;
      if (!entry.used) return;
      entry.used = false;
      this.#hand++;
    }
  }
}

/** Its text, what it says as objects, and its places here. */
function costOf({ token }: Remembered): number {
  return 1_024 + 2 * token.length;
}

/** A copy of a text that does not hold the head that it was cut from. */
export function ownText(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}
