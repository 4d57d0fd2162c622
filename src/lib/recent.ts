/**
 * Values that were made lately, by key. Two generations: when the newer one is full the older one is forgotten, so that
 * keeping and finding cost the same however long it runs.
 */
export class Recent<K, V> {
  readonly #size: number;
  #newer: Map<K, V> = new Map();
  #older: Map<K, V> = new Map();

  /** @param size values that are kept at least, and half of those that are kept at most */
  constructor(size: number) {
    this.#size = size;
  }

  get(key: K): V | undefined {
    const newer = this.#newer.get(key);
    if (newer !== undefined) return newer;
    const older = this.#older.get(key);
    if (older !== undefined) this.set(key, older);
    return older;
  }

  set(key: K, value: V): void {
    if (this.#newer.size >= this.#size && !this.#newer.has(key)) {
      this.#older = this.#newer;
      this.#newer = new Map();
    }
    this.#newer.set(key, value);
  }

  delete(key: K): void {
    this.#newer.delete(key);
    this.#older.delete(key);
  }

  clear(): void {
    this.#newer = new Map();
    this.#older = new Map();
  }

  /** Values that are kept now; one in both generations counts twice. */
  get size(): number {
    return this.#newer.size + this.#older.size;
  }
}
