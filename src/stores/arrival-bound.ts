import { type LimitRule, StoreDown } from "../pipeline/limits.ts";
import { type Bound, Cell, KIND } from "./bound.ts";
import { DEAD, firstWord, joined, NODE, type SharedTable, secondWord } from "./shared-table.ts";

const WORD = 0x1_0000_0000;
/** Parts of a millisecond in which arrival times are kept: at least, and at most. */
const FINE = 1_000;
const FINEST = 100_000;
/** Times up to here are whole numbers. */
const LATEST = Number.MAX_SAFE_INTEGER;

/**
 * Token bucket and leaky bucket by one number a key: the theoretical arrival time, at which all that was taken will have come
 * back or passed (generic cell rate algorithm, ITU-T I.371 annex A). Times are whole parts of a millisecond since the memory
 * was made, and chosen so that a unit takes a whole number of them wherever its rate can be written like that.
 */
export class ArrivalBound implements Bound {
  readonly rule: LimitRule;
  readonly greatest: number;
  readonly low: number;
  readonly high: number;
  remaining = 0;
  reset = 0;
  resetAfter = 0;
  wait = 0;
  delay = 0;
  readonly #table: SharedTable;
  readonly #cell: Cell;
  readonly #base: number;
  readonly #leaky: boolean;
  /** Parts in a millisecond, and parts that one unit takes. */
  readonly #parts: number;
  readonly #step: number;
  #now = 0;
  #arrival = 0;
  #taken = 0;
  #at = 0;

  /** @param base when the memory was made, in milliseconds of the same clock as `now` */
  constructor(rule: LimitRule, [low, high]: readonly [number, number], table: SharedTable, base: number) {
    this.rule = rule;
    this.#leaky = rule.algorithm === "leaky-bucket";
    this.greatest = this.#leaky ? rule.burst + 1 : rule.burst;
    this.low = low;
    this.high = high;
    this.#table = table;
    this.#cell = new Cell(table);
    this.#base = base;
    [this.#parts, this.#step] = partsOf(rule, this.greatest);
  }

  read(low: number, high: number, cost: number, now: number, take: boolean): boolean {
    const step = this.#step;
    const parts = this.#parts;
    const at = Math.max(0, Math.ceil((now - this.#base) * parts));
    this.#now = at;
    this.#load(low, high, take);
    const start = Math.max(this.#arrival, at);
    const room = at + this.greatest * step - start;
    this.#taken = cost * step;
    const fits = this.#taken <= room;
    this.remaining = room > 0 ? Math.floor(room / step) : 0;
    this.reset = (start - at) / parts;
    this.resetAfter = (start + this.#taken - at) / parts;
    this.wait = fits ? 0 : (this.#taken - room) / parts;
    this.delay = this.#leaky ? this.reset : 0;
    return fits;
  }

  #load(low: number, high: number, take: boolean): void {
    const table = this.#table;
    for (;;) {
      const a = low ^ this.low;
      const b = high ^ this.high;
      const node = take ? table.claim(a, b, KIND.arrival, this.#parts, 0) : table.find(a, b);
      if (node === 0 && take) throw new StoreDown("the table of limits is full");
      this.#arrival = 0;
      if (node === 0) return;
      this.#at = node * table.stride + NODE.cell;
      const low32 = firstWord(this.#cell.load(this.#at)) >>> 0;
      const high32 = secondWord();
      if (high32 === DEAD) continue;
      this.#arrival = high32 * WORD + low32;
      return;
    }
  }

  #replace(arrival: number): boolean {
    const time = Math.min(LATEST, Math.max(0, arrival));
    return this.#cell.replace(joined(time | 0, Math.floor(time / WORD)));
  }

  commit(): boolean {
    return this.#replace(Math.max(this.#arrival, this.#now) + this.#taken);
  }

  undo(): void {
    for (;;) {
      const low32 = firstWord(this.#cell.load(this.#at)) >>> 0;
      const high32 = secondWord();
      if (high32 === DEAD) return;
      this.#arrival = high32 * WORD + low32;
      if (this.#replace(this.#arrival - this.#taken)) return;
    }
  }

  add(low: number, high: number, cost: number, now: number): void {
    for (;;) {
      try {
        this.read(low, high, 0, now, true);
      } catch {
        return;
      }
      // What is given back past a full bucket is not saved.
      const from = cost > 0 ? Math.max(this.#arrival, this.#now) : this.#arrival;
      if (this.#replace(from + cost * this.#step)) return;
    }
  }
}

/**
 * Parts in a millisecond and parts that a unit takes; where no whole number will do, a unit takes a little longer. Units that
 * come back over so long a time that fine parts of it could not be told apart are counted in coarser ones.
 */
function partsOf({ limit, window }: LimitRule, greatest: number): readonly [parts: number, step: number] {
  const most = LATEST / 4 / Math.max(1, greatest);
  if (Number.isInteger(window)) {
    const common = divisor(limit, window);
    const parts = limit / common;
    const step = window / common;
    const times = Math.max(1, Math.min(Math.ceil(FINE / parts), Math.floor(most / step)));
    if (parts * times <= FINEST && step * times <= most) return [parts * times, step * times];
  }
  const finest = Math.min(FINEST, ((most - 1) * limit) / window);
  return [finest, Math.ceil((window * finest) / limit)];
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}
