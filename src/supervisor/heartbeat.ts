/** What becomes of a worker that shows no sign of life. */
export interface HeartbeatEvents {
  /** Told once, when it is late. */
  late(index: number, ms: number): void;
  /** It is late beyond hope. */
  dead(index: number): void;
}

/** Milliseconds without a sign of life after which a worker is late, and given up. */
const LATE = 2_000;
const DEAD = 10_000;
const LOOK = 500;
/** A worker that starts has so long for its first sign of life. */
const START = 10_000;

const NS = 1e6;

/** Milliseconds of a clock that all threads share and nobody sets. */
function now(): number {
  return Number(process.hrtime.bigint()) / NS;
}

/** Watches signs of life in shared memory: a worker that is caught in a loop cannot answer a message. */
export class Heartbeat {
  /** When each worker last showed a sign of life, by `process.hrtime`; 0 before it starts. */
  readonly beats: BigInt64Array;
  readonly #events: HeartbeatEvents;
  readonly #expected: (number | undefined)[];
  readonly #late = new Set<number>();
  readonly #timer: NodeJS.Timeout;
  #looked = now();

  constructor(count: number, events: HeartbeatEvents) {
    this.beats = new BigInt64Array(new SharedArrayBuffer(count * BigInt64Array.BYTES_PER_ELEMENT));
    this.#events = events;
    this.#expected = new Array<number | undefined>(count).fill(undefined);
    this.#timer = setInterval(() => this.#look(), LOOK);
  }

  /** A worker starts. */
  expect(index: number): void {
    Atomics.store(this.beats, index, 0n);
    this.#expected[index] = now();
  }

  /** A worker is gone. */
  forget(index: number): void {
    this.#expected[index] = undefined;
    this.#late.delete(index);
  }

  /** Milliseconds since a worker's last sign of life. */
  age(index: number): number {
    const last = Atomics.load(this.beats, index);
    return last === 0n ? 0 : Math.max(0, now() - Number(last) / NS);
  }

  /** Milliseconds since the last sign of life of one that is late; 0 for one that is not. */
  lateness(index: number): number {
    const age = this.age(index);
    return age > LATE ? age : 0;
  }

  #look(): void {
    // Where this thread stood still (the machine slept), the others did too: they get their time first.
    const slept = now() - this.#looked > LATE;
    this.#looked = now();
    if (slept) return;
    for (const [index, since] of this.#expected.entries()) {
      if (since === undefined) continue;
      const started = Atomics.load(this.beats, index) !== 0n;
      const age = started ? this.age(index) : now() - since - START;
      if (age > DEAD) this.#events.dead(index);
      else if (age > LATE && !this.#late.has(index)) {
        this.#late.add(index);
        this.#events.late(index, age);
      } else if (age <= LATE) this.#late.delete(index);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
