/** For so long a body may arrive slower than the floor, in milliseconds. */
const GRACE = 5_000;

/** How fast a body arrives, over the time in which it is waited for. */
export class BodyPace {
  readonly #floor: number;
  #waited = 0;
  #seen = 0;

  /** @param floor octets a second; 0 for none */
  constructor(floor: number) {
    this.#floor = floor;
  }

  /** Another body begins. */
  begin(): void {
    this.#waited = 0;
  }

  /**
   * Whether it is too slow. Called only for time in which we wait for the client, not in which the service makes us wait.
   * @param elapsed milliseconds since the last call
   * @param received octets so far
   */
  isTooSlow(elapsed: number, received: number): boolean {
    if (this.#waited === 0) this.#seen = received;
    this.#waited += elapsed;
    if (this.#floor === 0 || this.#waited < GRACE) return false;
    const rate = ((received - this.#seen) * 1_000) / this.#waited;
    if (rate < this.#floor) return true;
    this.#waited = 0;
    return false;
  }
}
