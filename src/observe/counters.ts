import type { Exchange } from "../pipeline/exchange.ts";
import type { Meter } from "../pipeline/ports.ts";

/** Upper bounds of the latency buckets in milliseconds; one more holds what is slower. */
export const BUCKETS: readonly number[] = [
  0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000,
];

/** Status classes 1xx to 5xx, and what the client left before. */
const CLASSES = 6;
const PER_ROUTE: number = CLASSES + 2 * (BUCKETS.length + 1);

/** What one thread counts. Per route: answers by status class, the whole duration and the gateway's part of it. */
export class ThreadCounters implements Meter {
  readonly #counts: number[] = [];

  record(x: Exchange): void {
    const outcome = x.outcome!;
    const { state } = x.route;
    if (state.series === -1) state.series = this.#allocate();
    const base = state.series;
    const counts = this.#counts;
    const status = outcome.status;
    const kind =
      status === 499 ? 5 : status >= 500 ? 4 : status >= 400 ? 3 : status >= 300 ? 2 : status >= 200 ? 1 : 0;
    counts[base + kind]!++;
    counts[base + CLASSES + bucketOf(outcome.duration)]!++;
    const waited = x.answeredAt === 0 ? 0 : x.answeredAt - x.forwardedAt;
    counts[base + CLASSES + BUCKETS.length + 1 + bucketOf(outcome.duration - waited)]!++;
  }

  #allocate(): number {
    const base = this.#counts.length;
    for (let i = 0; i < PER_ROUTE; i++) this.#counts.push(0);
    return base;
  }

  /** What was counted from `base` on. */
  read(base: number): RouteCounts {
    const part = (from: number, length: number): number[] =>
      base === -1 ? new Array<number>(length).fill(0) : this.#counts.slice(base + from, base + from + length);
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
