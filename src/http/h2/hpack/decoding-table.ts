/** What an entry counts beside its name and value, in bytes (RFC 7541 §4.1). */
export const ENTRY_OVERHEAD = 32;

/** The dynamic table of a decoder (RFC 7541 §2.3.2): the newest entry has index 1. */
export class DecodingTable {
  #max: number;
  #size = 0;
  #names: string[] = new Array(8).fill("");
  #values: string[] = new Array(8).fill("");
  /** Place of the next entry in the ring. */
  #next = 0;
  #count = 0;

  /** @param max bytes that the entries may take */
  constructor(max: number) {
    this.#max = max;
  }

  /** Entries. */
  get count(): number {
    return this.#count;
  }

  /** Bytes that the entries take. */
  get size(): number {
    return this.#size;
  }

  /** The name of an entry that exists. */
  name(index: number): string {
    return this.#names[(this.#next - index) & (this.#names.length - 1)]!;
  }

  /** The value of an entry that exists. */
  value(index: number): string {
    return this.#values[(this.#next - index) & (this.#names.length - 1)]!;
  }

  /** Adds an entry; older ones make room, and one that is larger than the table empties it (RFC 7541 §4.4). */
  add(name: string, value: string): void {
    const size = name.length + value.length + ENTRY_OVERHEAD;
    this.#evict(this.#max - size);
    if (size > this.#max) return;
    if (this.#count === this.#names.length) this.#grow();
    this.#names[this.#next] = name;
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) & (this.#names.length - 1);
    this.#count++;
    this.#size += size;
  }

  /** Changes how many bytes the entries may take. */
  resize(max: number): void {
    this.#max = max;
    this.#evict(max);
  }

  #evict(most: number): void {
    while (this.#count > 0 && this.#size > most) {
      const oldest = (this.#next - this.#count) & (this.#names.length - 1);
      this.#size -= this.#names[oldest]!.length + this.#values[oldest]!.length + ENTRY_OVERHEAD;
      this.#names[oldest] = "";
      this.#values[oldest] = "";
      this.#count--;
    }
  }

  #grow(): void {
    const { length } = this.#names;
    const names: string[] = new Array(length * 2).fill("");
    const values: string[] = new Array(length * 2).fill("");
    for (let i = 0; i < length; i++) {
      names[i] = this.name(length - i);
      values[i] = this.value(length - i);
    }
    this.#names = names;
    this.#values = values;
    this.#next = length;
  }
}
