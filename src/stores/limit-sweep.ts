import type { Clock } from "../lib/clock.ts";
import { Cell, IDS, KIND, later } from "./bound.ts";
import { MINUTE } from "./fixed-bound.ts";
import type { LimitMemory } from "./limit-memory.ts";
import { DEAD, firstWord, joined, NODE, SharedTable, secondWord } from "./shared-table.ts";
import { PARTS } from "./sliding-bound.ts";
import { sharedClock } from "./steady-clock.ts";

/** How often it is to be called, in milliseconds; each time it looks through one of so many parts. */
export const SWEEP = 100;
const SHARES = 10;
/** A table fuller than this is looked through whole each time, or as far as the time goes. */
const TIGHT = 0.75;
/** Milliseconds that one table may take each time, and buckets after which it is asked for: the thread has other work too. */
const BUDGET = 10;
const LOOK = 1_024;
/** What is over is kept for so long, in milliseconds: a thread may have read its clock a moment ago. */
const MARGIN = 1_000;

/** Takes entries that say nothing any more out of the tables. One for a memory, in one thread. */
export class LimitSweep {
  readonly #tables: readonly TableSweep[];

  /**
   * @param quiet a time of the clock's `now` up to which nobody who looked into the memory still holds what was there
   * @param budget milliseconds that `tick` may take for each of the tables (default 10)
   */
  constructor(memory: LimitMemory, quiet: (now: number) => number, clock?: Clock, budget: number = BUDGET) {
    const look: Look = { base: memory.base, time: clock ?? sharedClock(memory.since1970), quiet, budget };
    const { counts, windows, gauges } = memory;
    this.#tables = [counts, windows, gauges].map((table) => new TableSweep(new SharedTable(table), look));
  }

  /** Looks through a part of each table, or the whole where it is short of room. */
  tick(): void {
    for (const table of this.#tables) table.tick();
  }

  /** Looks through all of them. */
  all(): void {
    for (const table of this.#tables) table.all();
  }
}

interface Look {
  readonly base: number;
  readonly time: Clock;
  readonly budget: number;
  quiet(now: number): number;
}

class TableSweep {
  readonly #table: SharedTable;
  readonly #look: Look;
  readonly #cell: Cell;
  /** Taken out, and when: others may still read them. */
  #out: { readonly node: number; readonly at: number }[] = [];
  #next = 0;

  constructor(table: SharedTable, look: Look) {
    this.#table = table;
    this.#look = look;
    this.#cell = new Cell(table);
  }

  tick(): void {
    const table = this.#table;
    const tight = table.wasFull() || table.used > table.entries * TIGHT;
    if (!tight && table.used === 0) return;
    const share = tight ? table.buckets : Math.ceil(table.buckets / SHARES);
    this.#sweep(share, performance.now() + this.#look.budget);
  }

  all(): void {
    this.#sweep(this.#table.buckets, Number.POSITIVE_INFINITY);
  }

  /** Looks through so many buckets, from where it stopped before; stops at `end` of this thread's clock. */
  #sweep(count: number, end: number): void {
    const table = this.#table;
    const now = this.#look.time.now();
    const quiet = this.#look.quiet(now);
    this.#out = this.#out.filter(({ node, at }) => {
      if (at >= quiet) return true;
      table.free(node);
      return false;
    });
    const wall = this.#look.time.wall();
    for (let done = 0; done < count; done++) {
      if (done > 0 && done % LOOK === 0 && performance.now() >= end) return;
      const bucket = this.#next;
      for (let node = table.head(bucket); node !== 0; ) {
        const next = table.after(node);
        if (this.#isOver(node, now, wall) && this.#kill(node)) {
          table.unlink(bucket, node);
          this.#out.push({ node, at: now });
        }
        node = next;
      }
      this.#next = bucket + 1 === table.buckets ? 0 : bucket + 1;
    }
  }

  /** Whether an entry says no more than none would; it is in the cell then what `#kill` replaces. */
  #isOver(node: number, now: number, wall: number): boolean {
    const { words, scales, stride } = this.#table;
    const at = node * stride;
    const first = firstWord(this.#cell.load(at + NODE.cell)) >>> 0;
    const second = secondWord();
    if (second === DEAD) return false;
    const scale = scales[(at + NODE.scale) >> 1]!;
    switch (words[at + NODE.kind]) {
      case KIND.fixed:
        return later(Math.floor((now - MARGIN) / scale) % IDS, second) > 0;
      case KIND.calendar:
        return second * MINUTE + scale + MARGIN < wall;
      case KIND.arrival:
        return (second * 0x1_0000_0000 + first) / scale + this.#look.base + MARGIN < now;
      case KIND.sliding:
        return later(Math.floor(((now - MARGIN) * PARTS) / scale) % IDS, second) > PARTS + 1;
      default:
        return (second & 0xf_ffff) === 0 && this.#isUnused(at);
    }
  }

  #isUnused(at: number): boolean {
    const { words, stride } = this.#table;
    for (let own = at + NODE.own; own < at + stride; own++) if (Atomics.load(words, own) !== 0) return false;
    return true;
  }

  #kill(node: number): boolean {
    return node !== 0 && this.#cell.replace(joined(0, DEAD));
  }
}
