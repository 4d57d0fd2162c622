/** Log-linear buckets as in HdrHistogram: whole microseconds below 512, then 256 buckets for each doubling (0.4 %). */
const EXACT = 512;
const PER_DOUBLING = 256;
const DOUBLINGS = 18; // up to 134 s
const LONGEST = 2 ** 30; // bucketOf counts bits in 32

/** Counts of latencies in microseconds, at constant memory and without allocation when recording. */
export class Histogram {
  readonly #counts = new Float64Array(EXACT + DOUBLINGS * PER_DOUBLING);
  #total = 0;
  #max = 0;

  get total(): number {
    return this.#total;
  }

  get max(): number {
    return this.#max;
  }

  /** Counts one latency, in microseconds. */
  record(microseconds: number): void {
    const value = Math.max(0, Math.round(microseconds));
    const bucket = Math.min(bucketOf(Math.min(value, LONGEST)), this.#counts.length - 1);
    this.#counts[bucket] = this.#counts[bucket]! + 1;
    this.#total += 1;
    if (value > this.#max) this.#max = value;
  }

  /** The latency that `share` (0 to 1) of all recorded ones do not exceed, in microseconds. */
  quantile(share: number): number {
    const wanted = Math.max(1, Math.ceil(share * this.#total));
    let seen = 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket += 1) {
      seen += this.#counts[bucket]!;
      if (seen >= wanted) return Math.min(highestIn(bucket), this.#max);
    }
    return this.#max;
  }
}

function bucketOf(value: number): number {
  if (value < EXACT) return value;
  const shift = 31 - Math.clz32(value) - 8;
  return EXACT + (shift - 1) * PER_DOUBLING + (Math.floor(value / 2 ** shift) - PER_DOUBLING);
}

function highestIn(bucket: number): number {
  if (bucket < EXACT) return bucket;
  const shift = Math.floor((bucket - EXACT) / PER_DOUBLING) + 1;
  const step = ((bucket - EXACT) % PER_DOUBLING) + PER_DOUBLING;
  return (step + 1) * 2 ** shift - 1;
}
