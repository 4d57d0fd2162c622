/** Something with a deadline that is looked at now and then rather than timed by a timer of its own. */
export interface Swept {
  /** Called four times a second with the time, in milliseconds of `performance.now()`. */
  sweep(now: number): void;
}

const INTERVAL = 250;
const swept = new Set<Swept>();
let timer: NodeJS.Timeout | undefined;

/** From now on looked at, until `unwatch`. A request then costs no timer: connections carry their deadlines as numbers. */
export function watch(item: Swept): void {
  swept.add(item);
  timer ??= setInterval(sweepAll, INTERVAL);
}

/** No longer looked at. */
export function unwatch(item: Swept): void {
  swept.delete(item);
  if (swept.size > 0) return;
  clearInterval(timer);
  timer = undefined;
}

function sweepAll(): void {
  const now = performance.now();
  for (const item of swept) item.sweep(now);
}
