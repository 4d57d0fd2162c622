/** Waits in milliseconds: doubled each time, and forgotten after a minute of peace. */
const FIRST = 100;
const MOST = 30_000;
const PEACE = 60_000;

/** Puts off what is tried again and again, each by itself. */
export class BackOff {
  readonly #tries: { count: number; last: number; timer: NodeJS.Timeout | undefined }[];

  constructor(count: number) {
    this.#tries = Array.from({ length: count }, () => ({
      count: -1,
      last: Number.NEGATIVE_INFINITY,
      timer: undefined,
    }));
  }

  /** Calls `fn` after a while; gives how long that is, in milliseconds. */
  next(index: number, fn: () => void): number {
    const one = this.#tries[index]!;
    const now = performance.now();
    one.count = now - one.last > PEACE ? 0 : one.count + 1;
    one.last = now;
    const wait = Math.min(MOST, FIRST * 2 ** one.count);
    clearTimeout(one.timer);
    one.timer = setTimeout(fn, wait);
    return wait;
  }

  /** What was put off is not done. */
  stop(): void {
    for (const { timer } of this.#tries) clearTimeout(timer);
  }
}
