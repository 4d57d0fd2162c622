import { type LimitRule, StoreDown } from "../pipeline/limits.ts";
import { type Bound, Cell, IDS, KIND, later, MOST_UNITS } from "./bound.ts";
import { DEAD, firstWord, joined, NODE, type SharedTable, secondWord } from "./shared-table.ts";

/** Parts of a window that are counted apart: a unit counts for the window's length, and up to one part more. */
export const PARTS = 32;

/** The sum of the parts before one, with its number, so that it is made once a part; then a cell for each of those parts. */
const PAST = NODE.own;
const SLOTS: number = NODE.own + 2;

/** Words of an entry: the cell of the part that is under way, and those. */
export const SLIDING_STRIDE: number = SLOTS + 2 * PARTS;

/**
 * At most `limit` units in any window. Only the part that is under way changes, in one cell with its number, so that one
 * exchange of 64 bits decides; who begins the next part first writes down what the last one came to.
 */
export class SlidingBound implements Bound {
  readonly rule: LimitRule;
  readonly greatest: number;
  readonly low: number;
  readonly high: number;
  remaining = 0;
  reset = 0;
  resetAfter = 0;
  wait = 0;
  readonly delay = 0;
  readonly #table: SharedTable;
  readonly #cell: Cell;
  /** Milliseconds of a part. */
  readonly #length: number;
  #at = 0;
  #node = 0;
  /** The part under way, counted from the beginning of time and by its 31-bit number. */
  #index = 0;
  #id = 0;
  /** The part that the cell holds, and its units. */
  #held = 0;
  #units = 0;
  #cost = 0;

  constructor(rule: LimitRule, [low, high]: readonly [number, number], table: SharedTable) {
    this.rule = rule;
    this.greatest = rule.limit;
    this.low = low;
    this.high = high;
    this.#table = table;
    this.#cell = new Cell(table);
    this.#length = rule.window / PARTS;
  }

  read(low: number, high: number, cost: number, now: number, take: boolean): boolean {
    this.#index = Math.floor(now / this.#length);
    this.#id = this.#index % IDS;
    this.#load(low, high, take);
    const { limit } = this.rule;
    const used = this.#used();
    const fits = used + cost <= limit;
    this.#cost = cost;
    this.remaining = used < limit ? limit - used : 0;
    this.resetAfter = this.#end(this.#index, now);
    this.reset =
      used === 0 ? 0 : this.#units > 0 && this.#held === this.#id ? this.resetAfter : this.#empty(now);
    this.wait = fits ? 0 : this.#leaves(used + cost - limit, used, now);
    // Of a key that is refused all the time, too, the sum is made once a part.
    if (!fits && take && this.#held !== this.#id) this.#replace(0);
    return fits;
  }

  #load(low: number, high: number, take: boolean): void {
    const table = this.#table;
    for (;;) {
      const a = low ^ this.low;
      const b = high ^ this.high;
      const node = take ? table.claim(a, b, KIND.sliding, this.rule.window, this.#id) : table.find(a, b);
      if (node === 0 && take) throw new StoreDown("the table of limits is full");
      this.#node = node;
      this.#held = this.#id;
      this.#units = 0;
      if (node === 0) return;
      this.#at = node * table.stride + NODE.cell;
      const units = firstWord(this.#cell.load(this.#at)) >>> 0;
      const held = secondWord();
      if (held === DEAD) continue;
      this.#held = held;
      this.#units = units;
      const ahead = later(held, this.#id);
      // Another thread has read the clock a little later.
      if (ahead > 0) {
        this.#index += ahead;
        this.#id = held;
      }
      return;
    }
  }

  /** Units of the part under way and of those before it that a window may still hold. */
  #used(): number {
    if (this.#node === 0) return 0;
    if (this.#held !== this.#id) return this.#sum();
    const { words, longs, stride } = this.#table;
    const at = this.#node * stride + PAST;
    const past = Atomics.load(words, at);
    // The number only grows: what stands before it is the sum of its part.
    if (Atomics.load(words, at + 1) === this.#id && Atomics.load(words, at) === past)
      return (past >>> 0) + this.#units;
    const sum = this.#sum();
    Atomics.store(longs, at >> 1, joined((sum - this.#units) | 0, this.#id));
    return sum;
  }

  #sum(): number {
    const behind = later(this.#id, this.#held);
    if (behind > PARTS) return 0;
    let sum = this.#units;
    for (let slot = 0; slot < PARTS; slot++) sum += this.#unitsIn(slot);
    return sum;
  }

  /** Units of a slot where it holds a part before the one in the cell, and not too old. */
  #unitsIn(slot: number): number {
    const { words, stride } = this.#table;
    const at = this.#node * stride + SLOTS + 2 * slot;
    for (;;) {
      const id = Atomics.load(words, at + 1);
      if (later(this.#held, id) < 1 || later(this.#id, id) > PARTS) return 0;
      const units = Atomics.load(words, at);
      // The number of a slot only grows: read the same twice, these are its units.
      if (Atomics.load(words, at + 1) === id) return units >>> 0;
    }
  }

  /** Units of the part that began `back` parts before the one under way. */
  #unitsOf(back: number): number {
    const id = (this.#id - back) & (IDS - 1);
    if (id === this.#held) return this.#units;
    const { words, stride } = this.#table;
    const at = this.#node * stride + SLOTS + 2 * (id % PARTS);
    if (Atomics.load(words, at + 1) !== id) return 0;
    const units = Atomics.load(words, at) >>> 0;
    return Atomics.load(words, at + 1) === id ? units : 0;
  }

  /** Milliseconds until `need` units have left, from the oldest on. */
  #leaves(need: number, used: number, now: number): number {
    let gone = 0;
    if (this.#held === this.#id && need > used - this.#units) return this.#end(this.#index, now);
    for (let back = PARTS; back > 0; back--) {
      gone += this.#unitsOf(back);
      if (gone >= need) return this.#end(this.#index - back, now);
    }
    return this.#end(this.#index, now);
  }

  /** Milliseconds until no window holds anything. */
  #empty(now: number): number {
    for (let back = 0; back <= PARTS; back++)
      if (this.#unitsOf(back) > 0) return this.#end(this.#index - back, now);
    return 0;
  }

  /** Milliseconds until no window holds a part any more; by a little more than it takes, for what division loses. */
  #end(index: number, now: number): number {
    return Math.max(0, (index + PARTS + 1) * this.#length - now + 0.001);
  }

  commit(): boolean {
    return this.#replace(this.#cost);
  }

  #replace(cost: number): boolean {
    let units = this.#units;
    if (this.#held !== this.#id) {
      if (units > 0) this.#keep(this.#held, units);
      units = 0;
    }
    const next = Math.min(MOST_UNITS, Math.max(0, units + cost));
    return this.#cell.replace(joined(next | 0, this.#id));
  }

  /** Writes down what a part came to; one who comes late with less, or for an older part, changes nothing. */
  #keep(id: number, units: number): void {
    const { longs, stride } = this.#table;
    const at = (this.#node * stride + SLOTS + 2 * (id % PARTS)) >> 1;
    for (;;) {
      const seen = Atomics.load(longs, at);
      const before = firstWord(seen) >>> 0;
      const kept = secondWord();
      if (before > 0 && (later(kept, id) > 0 || (kept === id && before >= units))) return;
      if (Atomics.compareExchange(longs, at, seen, joined(units | 0, id)) === seen) return;
    }
  }

  undo(): void {
    const id = this.#id;
    const cost = this.#cost;
    const { longs, stride } = this.#table;
    for (;;) {
      let at = this.#at >> 1;
      let seen = Atomics.load(longs, at);
      let units = firstWord(seen) >>> 0;
      let held = secondWord();
      if (held === DEAD) return;
      if (held !== id) {
        at = (this.#node * stride + SLOTS + 2 * (id % PARTS)) >> 1;
        seen = Atomics.load(longs, at);
        units = firstWord(seen) >>> 0;
        held = secondWord();
      }
      if (held !== id || units < cost) return;
      if (Atomics.compareExchange(longs, at, seen, joined((units - cost) | 0, id)) === seen) return;
    }
  }

  add(low: number, high: number, cost: number, now: number): void {
    for (;;) {
      try {
        this.read(low, high, 0, now, true);
      } catch {
        return;
      }
      if (this.#replace(cost)) return;
    }
  }
}
