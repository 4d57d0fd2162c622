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

/** What one turn of the event loop may spend on looking, in milliseconds: thousands that are late at once wait their turn. */
const TURN = 1;
/** Items between two readings of the clock. */
const STRIDE = 16;

let rest: Iterator<Swept> | undefined;

function sweepAll(): void {
  if (rest !== undefined) return;
  rest = swept.values();
  sweepSome();
}

function sweepSome(): void {
  const now = performance.now();
  for (let count = 1; ; count++) {
    const { value, done } = rest!.next();
    if (done === true) break;
    value.sweep(now);
    if (count % STRIDE === 0 && performance.now() - now > TURN) {
      setImmediate(sweepSome);
      return;
    }
  }
  rest = undefined;
}
