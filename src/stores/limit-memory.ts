import { randomBytes } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import { HASH_KEY_BYTES } from "./keyed-hash.ts";
import { createTable, NODE, type TableMemory } from "./shared-table.ts";
import { SLIDING_STRIDE } from "./sliding-bound.ts";
import { steadyNow } from "./steady-clock.ts";

/** Shared memory of the store "local"; goes to workers as it is. */
export interface LimitMemory {
  /** Fixed windows, token buckets and leaky buckets: 32 bytes an entry. */
  readonly counts: TableMemory;
  /** Sliding windows: 296 bytes an entry. */
  readonly windows: TableMemory;
  /** What is under way at once: 32 bytes an entry, and 4 for each worker. */
  readonly gauges: TableMemory;
  /** Int32, one a worker: the gauge that it is changing. */
  readonly intents: SharedArrayBuffer;
  /** Threads that may use it at once. */
  readonly workers: number;
  /** What keys are hashed with. */
  readonly hashKey: Uint8Array;
  /** When it was made, by the `now` of the clock that its threads share. */
  readonly base: number;
  /** What the clock that nobody sets lacks to the milliseconds since 1970. */
  readonly since1970: number;
}

/** What the memory is made for. */
export interface LimitMemoryOptions {
  /** Entries of each of the three tables. */
  readonly entries: number;
  readonly workers: number;
  /** Default: a random one. */
  readonly hashKey?: Uint8Array | undefined;
  /** The clock that its threads share; default: the process's own. */
  readonly clock?: Clock | undefined;
}

/** Entries of each table where nobody says otherwise. */
export const LIMIT_ENTRIES = 65_536;

/** Makes the memory. Pages that nobody wrote take none of the machine's. */
export function createLimitMemory({ entries, workers, hashKey, clock }: LimitMemoryOptions): LimitMemory {
  const wall = Date.now();
  return {
    counts: createTable(entries, NODE.own),
    windows: createTable(entries, SLIDING_STRIDE),
    gauges: createTable(entries, NODE.own + workers + (workers % 2)),
    intents: new SharedArrayBuffer(workers * 4),
    workers,
    hashKey: hashKey ?? randomBytes(HASH_KEY_BYTES),
    base: clock?.now() ?? wall,
    since1970: wall - steadyNow(),
  };
}
