import { type Gauge, StoreDown } from "../pipeline/limits.ts";
import { KIND } from "./bound.ts";
import { KeyedHash } from "./keyed-hash.ts";
import type { LimitMemory } from "./limit-memory.ts";
import { DEAD, NODE, SharedTable } from "./shared-table.ts";

/** The second word of a gauge: its total in 20 bits, then how often it changed, in 11. */
const MOST = 0xf_ffff;
const TOTAL_BITS = 20;
const CHANGES = 0x7ff;

/** A total, and one change more than in what was seen. */
function changed(seen: number, total: number): number {
  return ((((seen >>> TOTAL_BITS) + 1) & CHANGES) << TOTAL_BITS) | total;
}

/** How long the main thread waits for others to be done with a gauge, in milliseconds. */
const PATIENCE = 50;

/** The gauges of a memory: totals that all threads share, and what of them is each worker's own. */
export class Gauges {
  readonly table: SharedTable;
  readonly intents: Int32Array;
  readonly workers: number;

  constructor({ gauges, intents, workers }: LimitMemory) {
    this.table = new SharedTable(gauges);
    this.intents = new Int32Array(intents);
    this.workers = workers;
  }

  /** Gives back what a dead worker had. False where others were at it for too long: to be called again. */
  workerGone(worker: number): boolean {
    const { table, intents } = this;
    const { words, stride, touched } = table;
    let done = true;
    const changing = Atomics.load(intents, worker);
    for (let node = 1; node <= touched; node++) {
      const own = node * stride + NODE.own + worker;
      const had = Atomics.exchange(words, own, 0);
      if ((had !== 0 || node === changing) && !this.#recount(node, worker)) {
        Atomics.store(words, own, had);
        done = false;
      }
    }
    if (done) Atomics.store(intents, worker, 0);
    return done;
  }

  /**
   * Makes a total what the workers have of it. Who changes a gauge says so first, changes the total, and then what is its
   * own: so a moment at which nobody is at it, and after which the total has not changed, is a moment at which the sum is
   * right.
   */
  #recount(node: number, dead: number): boolean {
    const { words, stride } = this.table;
    const at = node * stride;
    const end = performance.now() + PATIENCE;
    while (performance.now() < end) {
      const seen = Atomics.load(words, at + NODE.second);
      if (seen === DEAD) return true;
      if (this.#isBusy(node, dead)) continue;
      let sum = 0;
      for (let worker = 0; worker < this.workers; worker++)
        if (worker !== dead) sum += Atomics.load(words, at + NODE.own + worker);
      if (Atomics.compareExchange(words, at + NODE.second, seen, changed(seen, sum)) === seen) return true;
    }
    return false;
  }

  #isBusy(node: number, dead: number): boolean {
    for (let worker = 0; worker < this.workers; worker++)
      if (worker !== dead && Atomics.load(this.intents, worker) === node) return true;
    return false;
  }
}

/** Counts what is under way at once, in all workers together. */
export class LocalGauge implements Gauge {
  readonly #gauges: Gauges;
  readonly #worker: number;
  readonly #hash: KeyedHash;
  readonly #low: number;
  readonly #high: number;

  constructor(space: string, gauges: Gauges, worker: number, hashKey: Uint8Array) {
    this.#gauges = gauges;
    this.#worker = worker;
    this.#hash = new KeyedHash(hashKey);
    this.#hash.of(JSON.stringify([space, "gauge"]));
    this.#low = this.#hash.low;
    this.#high = this.#hash.high;
  }

  /** Throws a StoreDown where there is no room for another key. */
  enter(key: string, max: number): boolean {
    const { table, intents } = this.#gauges;
    const { words, stride } = table;
    this.#hash.of(key);
    const low = this.#hash.low ^ this.#low;
    const high = this.#hash.high ^ this.#high;
    const most = Math.min(max, MOST);
    try {
      for (;;) {
        const node = table.claim(low, high, KIND.gauge, 0, 0);
        if (node === 0) throw new StoreDown("the table of limits is full");
        Atomics.store(intents, this.#worker, node);
        const at = node * stride;
        const seen = Atomics.load(words, at + NODE.second);
        if (seen === DEAD) continue;
        const total = seen & MOST;
        if (total >= most) return false;
        if (Atomics.compareExchange(words, at + NODE.second, seen, changed(seen, total + 1)) !== seen)
          continue;
        Atomics.add(words, at + NODE.own + this.#worker, 1);
        return true;
      }
    } finally {
      Atomics.store(intents, this.#worker, 0);
    }
  }

  leave(key: string): void {
    const { table, intents } = this.#gauges;
    const { words, stride } = table;
    this.#hash.of(key);
    const node = table.find(this.#hash.low ^ this.#low, this.#hash.high ^ this.#high);
    const at = node * stride;
    const own = at + NODE.own + this.#worker;
    if (node === 0 || Atomics.load(words, own) === 0) return;
    Atomics.store(intents, this.#worker, node);
    for (;;) {
      const seen = Atomics.load(words, at + NODE.second);
      const total = Math.max(0, (seen & MOST) - 1);
      if (Atomics.compareExchange(words, at + NODE.second, seen, changed(seen, total)) === seen) break;
    }
    Atomics.sub(words, own, 1);
    Atomics.store(intents, this.#worker, 0);
  }

  close(): void {}
}
