import { ENTRY_OVERHEAD } from "./decoding-table.ts";
import { STATIC_ENTRIES, STATIC_INDEX, STATIC_NAMES, STATIC_VALUES } from "./static-table.ts";

/** Names that an encoder remembers; fields with others are sent in full each time. */
const NAMES_MAX = 256;

/** How fields of a name are written: into the table once they repeat, never into it, or never by any hop (RFC 7541 §7.1.3). */
export type Treatment = "index" | "literal" | "never" | "cookie";

const TREATMENTS: ReadonlyMap<string, Treatment> = new Map([
  ["date", "literal"],
  ["content-length", "literal"],
  ["authorization", "never"],
  ["proxy-authorization", "never"],
  ["set-cookie", "never"],
  ["cookie", "cookie"],
]);

/** What an encoder knows of a field name. */
export interface KnownName {
  readonly name: string;
  readonly treatment: Treatment;
  /** Its first index in the static table; 0 for none. */
  readonly index: number;
  /** Values that stand with it in the static table, from `index` on. */
  readonly fixed: readonly string[];
  /** Values that stand with it in the dynamic table, the oldest first. */
  readonly values: string[];
  /** The number of each of those entries. */
  readonly numbers: number[];
  /** The value that was sent last. */
  last: string;
  /** The last value's field as it was written, where the name is sent as a literal each time. */
  written: Uint8Array | undefined;
}

/** The dynamic table of an encoder, by name and value. */
export class EncodingTable {
  readonly #names = new Map<string, KnownName>();
  /** Entries, the oldest first from `#first` on. */
  readonly #entries: KnownName[] = [];
  readonly #sizes: number[] = [];
  #first = 0;
  #size = 0;
  /** Entries that were ever added: the number of the newest. */
  #added = 0;
  #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  /** What is known of a name; undefined when there are too many of them. */
  know(name: string): KnownName | undefined {
    return this.#names.get(name) ?? this.#learn(name);
  }

  #learn(name: string): KnownName | undefined {
    if (this.#names.size >= NAMES_MAX) return undefined;
    const index = STATIC_INDEX.get(name) ?? 0;
    const fixed: string[] = [];
    for (let i = index; i > 0 && STATIC_NAMES[i] === name; i++) fixed.push(STATIC_VALUES[i]!);
    const treatment = TREATMENTS.get(name) ?? "index";
    const known = { name, treatment, index, fixed, values: [], numbers: [], last: "", written: undefined };
    this.#names.set(name, known);
    return known;
  }

  /** The index of a field, both name and value; 0 when it stands in neither table. */
  find(known: KnownName, value: string): number {
    const fixed = known.fixed.indexOf(value);
    // An empty value beside a name in the static table is the name's own entry: as good as any other.
    if (fixed !== -1) return known.index + fixed;
    const at = known.values.lastIndexOf(value);
    return at === -1 ? 0 : this.#indexOf(known.numbers[at]!);
  }

  /** An index that holds a name; 0 for none. */
  nameIndex(known: KnownName): number {
    if (known.index !== 0) return known.index;
    const newest = known.numbers.at(-1);
    return newest === undefined ? 0 : this.#indexOf(newest);
  }

  #indexOf(number: number): number {
    return STATIC_ENTRIES + 1 + this.#added - number;
  }

  /** Whether a field is worth a place: one that fills much of the table drives out what repeats more. */
  fits(name: string, value: string): boolean {
    return name.length + value.length + ENTRY_OVERHEAD <= this.#max >> 2;
  }

  /** Adds an entry; the oldest make room. */
  add(known: KnownName, value: string): void {
    const size = known.name.length + value.length + ENTRY_OVERHEAD;
    this.#evict(this.#max - size);
    this.#added++;
    this.#size += size;
    this.#entries.push(known);
    this.#sizes.push(size);
    known.values.push(value);
    known.numbers.push(this.#added);
  }

  /** Changes how many bytes the entries may take. */
  resize(max: number): void {
    this.#max = max;
    this.#evict(max);
  }

  #evict(most: number): void {
    while (this.#size > most && this.#first < this.#entries.length) {
      const known = this.#entries[this.#first]!;
      this.#size -= this.#sizes[this.#first]!;
      known.values.shift();
      known.numbers.shift();
      this.#first++;
    }
    if (this.#first < 64) return;
    this.#entries.splice(0, this.#first);
    this.#sizes.splice(0, this.#first);
    this.#first = 0;
  }
}
