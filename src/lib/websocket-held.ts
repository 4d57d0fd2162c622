import type { Chunk } from "./body.ts";
import { FrameHeader, unmask } from "./websocket-frame.ts";

/** Octets that are taken for a frame before any of it came. */
const FIRST_MAX = 65_536;

/** Frames that are held until all of them are here: they go on as they came, and their content can be read. */
export class HeldFrames {
  #bytes: Buffer;
  /** Octets that are held. */
  size = 0;

  /** @param expected octets that will come first, as far as that is known */
  constructor(expected: number) {
    this.#bytes = Buffer.allocUnsafe(Math.min(Math.max(expected, 64), FIRST_MAX));
  }

  /** Adds a copy of a part. */
  add(chunk: Chunk, from: number, to: number): void {
    const { size } = this;
    this.size += to - from;
    if (this.size > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.size, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, size);
      this.#bytes = larger;
    }
    if (typeof chunk === "string") this.#bytes.write(chunk.slice(from, to), size, "latin1");
    else this.#bytes.set(chunk.subarray(from, to), size);
  }

  /** The frames as they came. */
  get frames(): Buffer {
    return this.#bytes.subarray(0, this.size);
  }

  /** What the frames carry, joined and without masks; a copy. */
  content(): Buffer {
    const { frames } = this;
    const content = Buffer.allocUnsafe(frames.length);
    const header = new FrameHeader();
    let end = 0;
    for (let at = 0; at < frames.length; header.next()) {
      const from = header.read(frames, at);
      const { length } = header;
      content.set(frames.subarray(from, from + length), end);
      if (header.masked) unmask(content, end, end + length, header.octets, header.keyAt);
      end += length;
      at = from + length;
    }
    return content.subarray(0, end);
  }
}
