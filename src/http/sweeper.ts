/** Something with a deadline that is looked at now and then rather than timed by a timer of its own. */
export interface Swept {
  /** Called about four times a second with the time, in milliseconds of `performance.now()`. */
  sweep(now: number): void;
}

/** All are looked at once in so many milliseconds. */
const ROUND = 250;
/** Up to so many are looked at in one go; more are spread over the round, so that no moment has the work of all. */
const FEW = 32;
/** Between two parts of a round, in milliseconds. */
const TICK = 10;
/** What one turn of the event loop may spend on looking, in milliseconds: thousands that are late at once wait. */
const TURN = 0.5;
/** Items between two readings of the clock. */
const STRIDE = 8;

const swept = new Set<Swept>();
let timer: NodeJS.Timeout | undefined;
let round: Iterator<Swept> = swept.values();
/** Items still to be looked at in this tick. */
let due = 0;

/** From now on looked at, until `unwatch`. A request then costs no timer: connections carry their deadlines as numbers. */
export function watch(item: Swept): void {
  swept.add(item);
  timer ??= setTimeout(tick, ROUND);
}

/** No longer looked at. */
export function unwatch(item: Swept): void {
  swept.delete(item);
  if (swept.size > 0) return;
  clearTimeout(timer);
  timer = undefined;
}

function tick(): void {
  const few = swept.size <= FEW;
  due = few ? swept.size : Math.ceil((swept.size * TICK) / ROUND);
  sweepSome();
  if (timer !== undefined) timer = setTimeout(tick, few ? ROUND : TICK);
}

function sweepSome(): void {
  const now = performance.now();
  while (due > 0) {
    due--;
    let { value } = round.next();
    if (value === undefined) {
      round = swept.values();
      value = round.next().value;
      if (value === undefined) return;
    }
    (value as Swept).sweep(now);
    if (due % STRIDE === 0 && due > 0 && performance.now() - now > TURN) {
      setImmediate(sweepSome);
      return;
    }
  }
}
