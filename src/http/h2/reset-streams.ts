/** Streams that are remembered: more than can be on their way to a peer that keeps to what was announced. */
const REMEMBERED = 1_024;

/** The streams that we have reset and of which the peer may not know yet. */
export class ResetStreams {
  readonly #ids = new Set<number>();

  /** Remembers one; the oldest is forgotten for it. */
  add(id: number): void {
    this.#ids.add(id);
    if (this.#ids.size <= REMEMBERED) return;
    const [oldest] = this.#ids;
    this.#ids.delete(oldest!);
  }

  /** What still comes on this stream is not the peer's fault. */
  has(id: number): boolean {
    return this.#ids.has(id);
  }
}
