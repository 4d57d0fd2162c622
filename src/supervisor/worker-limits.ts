import type { LimitMemory } from "../stores/limit-memory.ts";
import { LimitSweep, SWEEP } from "../stores/limit-sweep.ts";
import { Gauges } from "../stores/local-gauge.ts";

/** Milliseconds after which what a dead worker had is looked at again, where others were at it. */
const AGAIN = 100;

/** The main thread's part in the limits of all workers: takes out what is over, gives back what dead workers had. */
export class WorkerLimits {
  readonly #gauges: Gauges;
  readonly #timer: NodeJS.Timeout;
  #stopped = false;

  /** @param oldest milliseconds since the last sign of life of the worker whose is oldest: what it looked at before, it has let go of */
  constructor(memory: LimitMemory, oldest: () => number) {
    this.#gauges = new Gauges(memory);
    const sweep = new LimitSweep(memory, (now) => now - oldest());
    this.#timer = setInterval(() => sweep.tick(), SWEEP).unref();
  }

  /** Gives back the places that a worker had which is gone; before another takes its number. */
  workerGone(worker: number): void {
    if (this.#stopped || this.#gauges.workerGone(worker)) return;
    setTimeout(() => this.workerGone(worker), AGAIN).unref();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }
}
