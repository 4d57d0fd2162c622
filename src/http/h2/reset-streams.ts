/** Streams that are remembered: more than can be on their way to a peer that keeps to what was announced. */
const REMEMBERED = 1_024;

/** The streams that we have reset and of which the peer may not know yet. */
export class ResetStreams {
  /** Octets of content that may still be on their way, by stream. */
  readonly #windows = new Map<number, number>();

  /** Remembers one, with what was left of its window; the oldest is forgotten for it. */
  add(id: number, window: number): void {
    this.#windows.set(id, window);
    if (this.#windows.size <= REMEMBERED) return;
    const [oldest] = this.#windows.keys();
    this.#windows.delete(oldest!);
  }

  /** What still comes on this stream is not the peer's fault. */
  has(id: number): boolean {
    return this.#windows.has(id);
  }

  /** Takes content of such a stream; false when it is more than its window had room for: it did not know of one. */
  take(id: number, octets: number): boolean {
    const window = this.#windows.get(id)! - octets;
    this.#windows.set(id, window);
    return window >= 0;
  }
}
