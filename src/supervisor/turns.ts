/** Lets one thing happen after the other: what begins waits until all before it is over, however that ended. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Runs it in its turn; settles as it does. */
  take<T>(run: () => Promise<T>): Promise<T> {
    this.#waiting++;
    const mine = this.#last.then(run).finally(() => this.#waiting--);
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  /** Something is under way or waits. */
  get busy(): boolean {
    return this.#waiting > 0;
  }
}
