import { FRAME_MAX } from "./protocol.ts";

/** Frames that a block may come in beyond what its size needs. */
const FRAMES_EXTRA = 8;

/** A header block that comes in several frames (RFC 9113 §6.10), bounded in bytes and in frames. */
export class HeaderBlock {
  readonly #bytesMax: number;
  readonly #framesMax: number;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #frames = 0;
  /** The stream that it is for; 0 when none is under way. */
  stream = 0;
  endStream = false;

  /** @param headMax bytes of a head: compressed, it is not larger */
  constructor(headMax: number) {
    this.#bytesMax = Math.max(headMax, FRAME_MAX);
    this.#framesMax = FRAMES_EXTRA + Math.ceil(headMax / FRAME_MAX);
  }

  /** A block is under way. */
  get open(): boolean {
    return this.stream !== 0;
  }

  /** The first part of a block. */
  begin(stream: number, endStream: boolean, bytes: Buffer, from: number, to: number): void {
    this.stream = stream;
    this.endStream = endStream;
    this.add(bytes, from, to);
  }

  /** A further part; false when it is too much. */
  add(bytes: Buffer, from: number, to: number): boolean {
    this.#bytes += to - from;
    this.#frames++;
    if (this.#bytes > this.#bytesMax || this.#frames > this.#framesMax) return false;
    this.#pieces.push(Buffer.from(bytes.subarray(from, to)));
    return true;
  }

  /** The whole block, once its last part is there. */
  take(): Buffer {
    const whole = Buffer.concat(this.#pieces, this.#bytes);
    this.#pieces = [];
    this.#bytes = 0;
    this.#frames = 0;
    this.stream = 0;
    return whole;
  }
}
