import type { Clock } from "../lib/clock.ts";

const NS = 1e6;

/** Milliseconds of the clock that all threads of a process share and nobody sets. */
export function steadyNow(): number {
  return Number(process.hrtime.bigint()) / NS;
}

/**
 * A clock whose `now` is the same in all threads of a process: milliseconds since 1970 as the system's clock told at one
 * moment, and from then on by the clock that nobody sets. `wall` is the system's.
 * @param since1970 what the shared clock lacks to the milliseconds since 1970
 */
export function sharedClock(since1970: number): Clock {
  const offset = offsetOfThread() + since1970;
  return { now: () => performance.now() + offset, wall: () => Date.now() };
}

/** How often the two clocks are read to see how far apart they are. */
const SAMPLES = 20;

/** What this thread's own clock lacks to the shared one: by the reading that took the shortest time. */
function offsetOfThread(): number {
  let shortest = Number.POSITIVE_INFINITY;
  let offset = 0;
  for (let i = 0; i < SAMPLES; i++) {
    const before = performance.now();
    const shared = steadyNow();
    const after = performance.now();
    if (after - before >= shortest) continue;
    shortest = after - before;
    offset = shared - (before + after) / 2;
  }
  return offset;
}
