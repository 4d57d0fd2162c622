/** A call that must be over in time. */
export interface TimedCall {
  /** Its answer is there, or is not waited for any more. */
  over: boolean;
  /** The time is up. */
  tooLate(): void;
}

/** Calls that all have the same time limit, with one timer for all: the oldest is the first whose time is up. */
export class CallTimes {
  readonly #limit: number;
  #calls: { readonly call: TimedCall; readonly end: number }[] = [];
  #first = 0;
  #timer: NodeJS.Timeout | undefined = undefined;
  #turn: NodeJS.Immediate | undefined = undefined;

  /** @param limit in milliseconds */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** From now on the time of this call runs. */
  add(call: TimedCall): void {
    this.#calls.push({ call, end: performance.now() + this.#limit });
    this.#timer ??= setTimeout(() => this.#look(), this.#limit);
  }

  /** A thread that was busy reads what has come meanwhile before it says that nothing came. */
  #look(): void {
    this.#turn = setImmediate(() => this.#end(performance.now()));
  }

  #end(now: number): void {
    const calls = this.#calls;
    while (this.#first < calls.length) {
      const { call, end } = calls[this.#first]!;
      if (!call.over && end > now) break;
      this.#first++;
      if (call.over) continue;
      call.over = true;
      call.tooLate();
    }
    const next = calls[this.#first];
    if (this.#first * 2 > calls.length) {
      this.#calls = calls.slice(this.#first);
      this.#first = 0;
    }
    this.#timer = next && setTimeout(() => this.#look(), Math.max(1, next.end - now));
  }

  /** All that is not over is too late. */
  close(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
    this.#end(Number.POSITIVE_INFINITY);
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
