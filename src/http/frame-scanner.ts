import type { Chunk } from "../lib/body.ts";

const CLOSE = 8;

/** Follows the frames of one direction of a WebSocket (RFC 6455 §5.2): only their headers are read. */
export class FrameScanner {
  /** Bytes of the payload that are still to come. */
  #payload = 0;
  /** Octets of the header so far, and of the whole header as far as it is known. */
  #seen = 0;
  #header = 2;
  #lengthEnd = 2;
  #opcode = 0;
  #length = 0;
  /** A whole Close frame went by: nothing of weight follows. */
  closed = false;

  /** Between two frames: another may be put in here, also between the fragments of one message (RFC 6455 §5.4). */
  get atBoundary(): boolean {
    return this.#seen === 0 && this.#payload === 0;
  }

  /** Follows a piece; with `stop` only to the end of a frame. Returns how far it went. */
  follow(chunk: Chunk, stop: boolean): number {
    const size = chunk.length;
    let at = 0;
    while (at < size) {
      if (this.#payload > 0) {
        const step = Math.min(this.#payload, size - at);
        this.#payload -= step;
        at += step;
      } else this.#readHeader(typeof chunk === "string" ? chunk.charCodeAt(at++) : chunk[at++]!);
      if (!this.atBoundary) continue;
      if (this.#opcode === CLOSE) this.closed = true;
      if (stop) break;
    }
    return at;
  }

  #readHeader(octet: number): void {
    const nth = this.#seen++;
    if (nth === 0) {
      this.#opcode = octet & 0x0f;
      this.#header = 2;
    } else if (nth === 1) {
      const length = octet & 0x7f;
      this.#lengthEnd = length === 126 ? 4 : length === 127 ? 10 : 2;
      this.#header = this.#lengthEnd + ((octet & 0x80) === 0 ? 0 : 4);
      this.#length = length < 126 ? length : 0;
    } else if (nth < this.#lengthEnd) this.#length = this.#length * 256 + octet;
    if (this.#seen < this.#header) return;
    this.#seen = 0;
    this.#payload = this.#length;
  }
}
