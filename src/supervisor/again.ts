/** The longest time that a timer takes, in milliseconds. */
const LONGEST = 2_147_483_647;
/** Until the next try where one was refused without a word on that, in milliseconds. */
const RETRY = 60_000;

/** Has a config read again after a while though no file has changed: sources of certificates are asked anew. */
export class Again {
  readonly #read: () => void;
  #timer: NodeJS.Timeout | undefined = undefined;
  #closed = false;

  constructor(read: () => void) {
    this.#read = read;
  }

  /** In so many milliseconds; undefined for never. */
  set(ms: number | undefined): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (ms === undefined || this.#closed) return;
    this.#timer = setTimeout(
      () => {
        this.set(RETRY);
        this.#read();
      },
      Math.min(ms, LONGEST),
    ).unref();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}
