import { readdirSync, readFileSync } from "node:fs";
import { getHeapStatistics } from "node:v8";

/** What is known of the process and of the thread that asks. */
export interface ProcessReading {
  /** Seconds. */
  readonly cpu: number;
  readonly residentBytes: number;
  /** Undefined where the system does not tell. */
  readonly openFds: number | undefined;
  readonly maxFds: number | undefined;
  /** Seconds since 1970. */
  readonly startTime: number;
  readonly heapUsed: number;
  readonly heapTotal: number;
  readonly external: number;
}

const STARTED = performance.timeOrigin / 1_000;

/** How the process stands now. */
export function readProcess(): ProcessReading {
  const { user, system } = process.cpuUsage();
  const heap = getHeapStatistics();
  return {
    cpu: (user + system) / 1e6,
    residentBytes: process.memoryUsage.rss(),
    openFds: openFds(),
    maxFds: maxFds(),
    startTime: STARTED,
    heapUsed: heap.used_heap_size,
    heapTotal: heap.total_heap_size,
    external: heap.external_memory,
  };
}

function openFds(): number | undefined {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return undefined;
  }
}

function maxFds(): number | undefined {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    const [, soft] = /^Max open files +([0-9]+)/m.exec(limits) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}
