import type { Exchange } from "../pipeline/exchange.ts";
import type { Meter } from "../pipeline/ports.ts";

/** Upper bounds of the latency buckets in milliseconds; one more holds what is slower. */
export const BUCKETS: readonly number[] = [
  0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000,
];

/** Status classes 1xx to 5xx, and what the client left before. */
const CLASSES = 6;
const PER_ROUTE: number = CLASSES + 2 * (BUCKETS.length + 1);

/**
 * What one thread counts: a slice of shared memory that only it writes and anybody reads. Per route: answers by status
 * class, the whole duration and the gateway's own part of it in buckets.
 */
export class ThreadCounters implements Meter {
  readonly #counts: Float64Array;

  constructor(routes: number) {
    this.#counts = new Float64Array(
      new SharedArrayBuffer(routes * PER_ROUTE * Float64Array.BYTES_PER_ELEMENT),
    );
  }

  record(x: Exchange): void {
    const outcome = x.outcome!;
    const base = x.route.index * PER_ROUTE;
    const counts = this.#counts;
    const status = outcome.status;
    const kind =
      status === 499 ? 5 : status >= 500 ? 4 : status >= 400 ? 3 : status >= 300 ? 2 : status >= 200 ? 1 : 0;
    counts[base + kind]!++;
    counts[base + CLASSES + bucketOf(outcome.duration)]!++;
    const waited = x.answeredAt === 0 ? 0 : x.answeredAt - x.forwardedAt;
    counts[base + CLASSES + BUCKETS.length + 1 + bucketOf(outcome.duration - waited)]!++;
  }

  /** What was counted for a route, by its index. */
  read(route: number): RouteCounts {
    const base = route * PER_ROUTE;
    const part = (from: number, length: number): number[] => [
      ...this.#counts.slice(base + from, base + from + length),
    ];
    const [informational = 0, ok = 0, redirect = 0, refused = 0, failed = 0, left = 0] = part(0, CLASSES);
    return {
      byClass: { "1xx": informational, "2xx": ok, "3xx": redirect, "4xx": refused, "5xx": failed, left },
      duration: part(CLASSES, BUCKETS.length + 1),
      gateway: part(CLASSES + BUCKETS.length + 1, BUCKETS.length + 1),
    };
  }
}

/** Counts of one route. */
export interface RouteCounts {
  readonly byClass: Readonly<Record<"1xx" | "2xx" | "3xx" | "4xx" | "5xx" | "left", number>>;
  /** Exchanges by whole duration, a number a bucket. */
  readonly duration: readonly number[];
  /** Exchanges by the gateway's part of the duration: without the wait for the service's head. */
  readonly gateway: readonly number[];
}

function bucketOf(milliseconds: number): number {
  let bucket = 0;
  while (bucket < BUCKETS.length && milliseconds > BUCKETS[bucket]!) bucket++;
  return bucket;
}
