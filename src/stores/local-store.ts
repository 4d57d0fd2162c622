import type { Clock } from "../lib/clock.ts";
import type { Gauge, Limiter, LimitRule, LimitStore } from "../pipeline/limits.ts";
import type { LimitMemory } from "./limit-memory.ts";
import { Gauges, LocalGauge } from "./local-gauge.ts";
import { LocalLimiter } from "./local-limiter.ts";
import { SharedTable } from "./shared-table.ts";
import { sharedClock } from "./steady-clock.ts";

/** The store "local": limits in the memory that all workers of a process share, exact among them. */
export class LocalStore implements LimitStore {
  readonly #memory: LimitMemory;
  readonly #worker: number;
  readonly #tables: { readonly counts: SharedTable; readonly windows: SharedTable };
  readonly #gauges: Gauges;
  readonly #clock: Clock;

  /**
   * @param worker this thread's number, which no other thread has that uses the memory
   * @param clock its `now` must be the same in all threads (default: the shared clock of the process)
   */
  constructor(memory: LimitMemory, worker: number, clock?: Clock) {
    this.#memory = memory;
    this.#worker = worker;
    this.#tables = { counts: new SharedTable(memory.counts), windows: new SharedTable(memory.windows) };
    this.#gauges = new Gauges(memory);
    this.#clock = clock ?? sharedClock(memory.since1970);
  }

  /** Throws a RangeError for a rule that cannot be counted. */
  limiter(space: string, rules: readonly LimitRule[]): Limiter {
    return new LocalLimiter(space, rules, this.#tables, this.#memory, this.#clock);
  }

  gauge(space: string): Gauge {
    return new LocalGauge(space, this.#gauges, this.#worker, this.#memory.hashKey);
  }
}
