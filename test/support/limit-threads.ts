/** Several threads that take from the same limits at once. */
import { Worker } from "node:worker_threads";
import type { LimitRule } from "../../src/pipeline/limits.ts";
import type { LimitMemory } from "../../src/stores/limit-memory.ts";

/** What a thread is to do. */
export interface HammerOrder {
  readonly memory: LimitMemory;
  readonly worker: number;
  readonly space: string;
  readonly rules: readonly Omit<LimitRule, "calendar">[];
  readonly keys: readonly string[];
  /** How often it takes, where `until` is 0. */
  readonly tries: number;
  /** When it ends, by the shared clock; 0: after its tries. */
  readonly until: number;
  readonly cost: number;
  /** Keys that come once and are over soon, for each take. */
  readonly churn: number;
  /** Float64: when each thread held nothing, by the shared clock. */
  readonly beats: SharedArrayBuffer;
  /** Int32: threads that are ready, and how many there are: all begin at once. */
  readonly gate: SharedArrayBuffer;
}

/** What came of it. */
export interface HammerResult {
  /** Key, and times before and after, of what was allowed. */
  readonly accepted: [key: string, from: number, to: number][];
  /** How often there was no room. */
  full: number;
}

export type HammerOptions = Pick<HammerOrder, "memory" | "space" | "rules" | "keys"> &
  Partial<Pick<HammerOrder, "tries" | "until" | "cost" | "churn">>;

/** Runs threads until all are done; `meanwhile` is called between, with the time up to which none holds anything. */
export async function hammer(
  threads: number,
  options: HammerOptions,
  meanwhile?: (quiet: number) => void,
): Promise<HammerResult> {
  const beats = new SharedArrayBuffer(8 * threads);
  const gate = new SharedArrayBuffer(8);
  new Int32Array(gate)[1] = threads;
  const signs = new Float64Array(beats);
  const timer = meanwhile && setInterval(() => meanwhile(Math.min(...signs)), 5);
  const results = await Promise.all(
    Array.from({ length: threads }, (_, worker) => {
      const defaults = { tries: 1_000, until: 0, cost: 1, churn: 0 };
      const workerData: HammerOrder = { ...defaults, ...options, worker, beats, gate };
      const thread = new Worker(new URL("limit-hammer.ts", import.meta.url), { workerData });
      return new Promise<HammerResult>((resolve, reject) => {
        thread.once("message", resolve).once("error", reject);
      });
    }),
  );
  clearInterval(timer);
  return {
    accepted: results.flatMap(({ accepted }) => accepted),
    full: results.reduce((sum, { full }) => sum + full, 0),
  };
}
