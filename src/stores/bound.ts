import type { LimitRule } from "../pipeline/limits.ts";
import type { SharedTable } from "./shared-table.ts";

/** What an entry counts, for who takes expired ones out. */
export const KIND = { fixed: 1, calendar: 2, arrival: 3, sliding: 4, gauge: 5 } as const;

/** Units that a cell can hold. */
export const MOST_UNITS = 0xffff_fffe;

/** Numbers of windows have 31 bits, so that the 32nd can say that an entry is out. */
export const IDS = 0x8000_0000;

/** How much later a 31-bit number is than another; negative for earlier. */
export function later(a: number, b: number): number {
  return ((a - b) << 1) >> 1;
}

/**
 * One bound of a limiter over one table. It is asked in turns of `read`, then `commit` or nothing; what it read lies in its
 * fields until it reads again.
 */
export interface Bound {
  readonly rule: LimitRule;
  /** What costs more is never allowed. */
  readonly greatest: number;
  /** Told apart from other bounds of other spaces: both are mixed into the keys. */
  readonly low: number;
  readonly high: number;
  /** Units that were left when it was read. */
  readonly remaining: number;
  /** Milliseconds until all of them are there again: as it was read, and with what it was read for. */
  readonly reset: number;
  readonly resetAfter: number;
  /** Milliseconds until what it was read for may fit; 0 where it does. */
  readonly wait: number;
  /** Milliseconds until the turn of what it was read for. */
  readonly delay: number;
  /**
   * Reads how a key stands and whether `cost` fits; `take`: an entry is made where there is none. Throws a StoreDown where there
   * is no room for one.
   */
  read(low: number, high: number, cost: number, now: number, take: boolean): boolean;
  /** Takes what it was read for; false where somebody else was faster: nothing is taken, and it must be read again. */
  commit(): boolean;
  /** Gives back what the last commit took. */
  undo(): void;
  /** Adds units, past the bound too; negative ones are given back. Nothing happens where there is no room. */
  add(low: number, high: number, cost: number, now: number): void;
}

/** A cell as it was read, and what it is to be replaced by. */
export class Cell {
  readonly #table: SharedTable;
  #at = 0;
  #seen = 0n;

  constructor(table: SharedTable) {
    this.#table = table;
  }

  /** Reads 64 bits at a word; gives the bits, whose halves `firstWord` and `secondWord` tell. */
  load(at: number): bigint {
    this.#at = at >> 1;
    this.#seen = Atomics.load(this.#table.longs, this.#at);
    return this.#seen;
  }

  /** Replaces what was read; false where it has changed since. */
  replace(bits: bigint): boolean {
    return Atomics.compareExchange(this.#table.longs, this.#at, this.#seen, bits) === this.#seen;
  }
}
