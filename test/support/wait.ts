import { setTimeout as sleep } from "node:timers/promises";

/** How long any wait of a test may take before it counts as hung, in milliseconds. */
export const HUNG_AFTER_MS = 15_000;

/** The promise's outcome, or a failure that says what was waited for when it hangs. */
export async function within<T>(what: string, promise: Promise<T>, ms: number = HUNG_AFTER_MS): Promise<T> {
  const { promise: hung, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`still waiting after ${ms} ms for: ${what}`)), ms);
  try {
    return await Promise.race([promise, hung]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until `done` says so. */
export async function until(what: string, done: () => boolean): Promise<void> {
  const polls = HUNG_AFTER_MS / 10;
  for (let poll = 0; poll < polls; poll++) {
    if (done()) return;
    await sleep(10);
  }
  throw new Error(`still waiting after ${HUNG_AFTER_MS} ms for: ${what}`);
}

/** Waits until `count` has stood still for half a second, and gives its value. */
export async function settled(count: () => number): Promise<number> {
  let last = count();
  for (let same = 0; same < 10; ) {
    await sleep(50);
    const now = count();
    same = now === last ? same + 1 : 0;
    last = now;
  }
  return last;
}
