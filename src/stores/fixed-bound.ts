import type { Clock } from "../lib/clock.ts";
import { type LimitRule, StoreDown } from "../pipeline/limits.ts";
import { type Bound, Cell, IDS, KIND, later, MOST_UNITS } from "./bound.ts";
import { DEAD, firstWord, joined, NODE, type SharedTable, secondWord } from "./shared-table.ts";

/** Windows of the calendar are numbered by the minute at which they begin. */
export const MINUTE = 60_000;
/** A clock that was set back by no more than this goes on in the later window; by more, a window begins anew. */
const HOUR = 3_600_000;

/** At most `limit` units in each window: one 64-bit cell holds the number of the window and its units. */
export class FixedBound implements Bound {
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
  readonly #clock: Clock;
  readonly #kind: number;
  /** The window of the last reading, and when it ends. */
  #id = 0;
  #end = 0;
  #from = 0;
  #to = 0;
  #count = 0;
  #cost = 0;
  #at = 0;

  constructor(rule: LimitRule, [low, high]: readonly [number, number], table: SharedTable, clock: Clock) {
    this.rule = rule;
    this.greatest = rule.limit;
    this.low = low;
    this.high = high;
    this.#table = table;
    this.#cell = new Cell(table);
    this.#clock = clock;
    this.#kind = rule.calendar === undefined ? KIND.fixed : KIND.calendar;
  }

  /** The window that holds a time of this bound's clock. */
  #windowAt(now: number): void {
    const { calendar, window } = this.rule;
    if (calendar === undefined) {
      const index = Math.floor(now / window);
      this.#id = index % IDS;
      this.#end = (index + 1) * window;
      return;
    }
    if (now < this.#from || now >= this.#to) [this.#from, this.#to] = calendar(now);
    this.#id = Math.floor(this.#from / MINUTE) % IDS;
    this.#end = this.#to;
  }

  read(low: number, high: number, cost: number, steady: number, take: boolean): boolean {
    const now = this.rule.calendar === undefined ? steady : this.#clock.wall();
    this.#windowAt(now);
    this.#load(low, high, now, take);
    const { limit } = this.rule;
    const used = this.#count;
    const rest = Math.max(0, this.#end - now);
    const fits = used + cost <= limit;
    this.#cost = cost;
    this.remaining = used < limit ? limit - used : 0;
    this.reset = used > 0 ? rest : 0;
    this.resetAfter = used + cost > 0 ? rest : 0;
    this.wait = fits ? 0 : rest;
    return fits;
  }

  /** Finds the entry, or makes it, and reads its units of the window. */
  #load(low: number, high: number, now: number, take: boolean): void {
    const table = this.#table;
    for (;;) {
      const a = low ^ this.low;
      const b = high ^ this.high;
      const node = take ? table.claim(a, b, this.#kind, this.rule.window, this.#id) : table.find(a, b);
      if (node === 0 && take) throw new StoreDown("the table of limits is full");
      this.#count = 0;
      if (node === 0) return;
      this.#at = node * table.stride + NODE.cell;
      const units = firstWord(this.#cell.load(this.#at)) >>> 0;
      const id = secondWord();
      if (id === DEAD) continue;
      const ahead = later(id, this.#id);
      if (ahead === 0) this.#count = units;
      else if (ahead > 0 && this.#goesOn(id, ahead, now)) this.#count = units;
      return;
    }
  }

  /** Whether a window that begins later than the clock says is gone on with: the clock was set back a little. */
  #goesOn(id: number, ahead: number, now: number): boolean {
    const { calendar, window } = this.rule;
    const begins = calendar === undefined ? this.#end + (ahead - 1) * window : id * MINUTE;
    if (begins - now > HOUR) return false;
    this.#id = id;
    this.#end = calendar === undefined ? begins + window : calendar(begins)[1];
    return true;
  }

  commit(): boolean {
    return this.#cell.replace(joined((this.#count + this.#cost) | 0, this.#id));
  }

  undo(): void {
    const cost = this.#cost;
    for (;;) {
      const units = firstWord(this.#cell.load(this.#at)) >>> 0;
      const id = secondWord();
      if (id !== this.#id || units < cost) return;
      if (this.#cell.replace(joined((units - cost) | 0, id))) return;
    }
  }

  add(low: number, high: number, cost: number, steady: number): void {
    for (;;) {
      try {
        this.read(low, high, 0, steady, true);
      } catch {
        return;
      }
      const units = Math.min(MOST_UNITS, Math.max(0, this.#count + cost));
      if (this.#cell.replace(joined(units | 0, this.#id))) return;
    }
  }
}
