/** How much of something a peer may do: a stock that is used up and fills again with time. */
export class Budget {
  readonly #most: number;
  readonly #perSecond: number;
  #left: number;
  #seen = 0;

  /** @param most what may be done at once */
  constructor(most: number, perSecond: number) {
    this.#most = most;
    this.#perSecond = perSecond;
    this.#left = most;
  }

  /** Takes from the stock; false when it is empty. */
  take(amount: number): boolean {
    this.#left -= amount;
    return this.#left >= 0;
  }

  /** Puts something back. */
  give(amount: number): void {
    this.#left = Math.min(this.#most, this.#left + amount);
  }

  /** Fills with the time that passed since the last call, in milliseconds of the sweeper's clock. */
  refill(now: number): void {
    if (this.#seen !== 0) this.give(((now - this.#seen) * this.#perSecond) / 1_000);
    this.#seen = now;
  }
}
