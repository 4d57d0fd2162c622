import type { MessageRate } from "../lib/websocket-rules.ts";

/** The longest time that a timer takes. */
const TIMER_MAX = 2_147_483_647;

/** Counts the messages of one direction against their rate: a bucket that fills evenly. */
export class MessagePace {
  readonly #rate: MessageRate;
  readonly #now: () => number;
  /** Messages that might come, when it was looked at last. */
  #left: number;
  #at: number;
  /** It runs until the next message may come. */
  #timer: NodeJS.Timeout | undefined = undefined;

  /** @param now milliseconds */
  constructor(rate: MessageRate, now: () => number) {
    this.#rate = rate;
    this.#now = now;
    this.#left = rate.burst;
    this.#at = now();
  }

  /** Takes a message: 0 where it may come, else the milliseconds after which it may be asked again. */
  take(): number {
    const { perSecond, burst } = this.#rate;
    const now = this.#now();
    this.#left = Math.min(burst, this.#left + ((now - this.#at) * perSecond) / 1_000);
    this.#at = now;
    if (this.#left < 1) return ((1 - this.#left) * 1_000) / perSecond;
    this.#left--;
    return 0;
  }

  /** Calls `go` after so many milliseconds; false where the rate lets nothing wait. */
  wait(milliseconds: number, go: () => void): boolean {
    if (!this.#rate.delays) return false;
    const then = (): void => {
      this.#timer = undefined;
      go();
    };
    this.#timer = setTimeout(then, Math.min(Math.ceil(milliseconds), TIMER_MAX));
    this.#timer.unref();
    return true;
  }

  get waits(): boolean {
    return this.#timer !== undefined;
  }

  /** Waits no longer; `go` is not called. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
