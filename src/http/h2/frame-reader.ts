import { ErrorCode, Flag, FRAME_HEAD, FRAME_MAX, FrameType } from "./protocol.ts";

/** Takes whole frames as they arrive. */
export interface FrameSink {
  /** A frame that is not DATA; its payload lies in `bytes[from, to)`, only for the time of the call. */
  frame(type: number, flags: number, stream: number, bytes: Buffer, from: number, to: number): void;
  /** What arrives cannot be frames. */
  broken(code: number, detail: string): void;
}

/** Takes DATA frames as they arrive. */
export interface DataSink {
  /** A DATA frame begins; `length` counts its padding as well, as flow control does. */
  dataBegins(stream: number, flags: number, length: number): void;
  /** A piece of its content. `reused`: the memory is only ours for the time of the call. */
  data(bytes: Buffer, from: number, to: number, reused: boolean): void;
  /** It is over; so many octets were padding. */
  dataEnds(padding: number): void;
}

const HEAD = 0;
const WHOLE = 1;
const PAD_LENGTH = 2;
const CONTENT = 3;
const PADDING = 4;

/** Cuts what arrives into frames (RFC 9113 §4.1): DATA is passed on in pieces, every other frame whole. */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #data: DataSink;
  /** A frame's head that came in parts. */
  readonly #head: Buffer = Buffer.allocUnsafe(FRAME_HEAD);
  #state = HEAD;
  /** Octets of the head, or of the payload that is collected. */
  #filled = 0;
  /** Octets that are still to come of what is being read. */
  #left = 0;
  #padding = 0;
  #padded = false;
  #payload: Buffer | undefined = undefined;
  #type = 0;
  #flags = 0;
  #stream = 0;
  /** Frames that have begun. */
  frames = 0;
  /** Nothing more is read. */
  stopped = false;

  constructor(sink: FrameSink, data: DataSink) {
    this.#sink = sink;
    this.#data = data;
  }

  /** A frame other than DATA has begun and is not complete. */
  get inFrame(): boolean {
    return this.#state === WHOLE || (this.#state === HEAD && this.#filled > 0);
  }

  /** Reads `bytes[from, to)`. */
  read(bytes: Buffer, from: number, to: number, reused: boolean): void {
    let at = from;
    while (at < to && !this.stopped) {
      switch (this.#state) {
        case HEAD:
          at = this.#readHead(bytes, at, to);
          break;
        case WHOLE:
          at = this.#readWhole(bytes, at, to);
          break;
        case PAD_LENGTH:
          this.#readPadLength(bytes[at++]!);
          break;
        case CONTENT:
          at = this.#readContent(bytes, at, to, reused);
          break;
        default:
          at = this.#readPadding(at, to);
      }
    }
  }

  #readHead(bytes: Buffer, at: number, to: number): number {
    if (this.#filled === 0 && to - at >= FRAME_HEAD) {
      this.#begin(bytes, at);
      return at + FRAME_HEAD;
    }
    const end = Math.min(to, at + FRAME_HEAD - this.#filled);
    bytes.copy(this.#head, this.#filled, at, end);
    this.#filled += end - at;
    if (this.#filled === FRAME_HEAD) {
      this.#filled = 0;
      this.#begin(this.#head, 0);
    }
    return end;
  }

  #begin(bytes: Buffer, at: number): void {
    const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    const type = bytes[at + 3]!;
    const flags = bytes[at + 4]!;
    const stream = bytes.readUInt32BE(at + 5) & 0x7fff_ffff;
    if (length > FRAME_MAX) {
      this.#sink.broken(ErrorCode.frameSize, "a frame is larger than SETTINGS_MAX_FRAME_SIZE");
      return;
    }
    this.frames++;
    this.#left = length;
    if (type === FrameType.data) this.#beginData(stream, flags, length);
    else if (length === 0) this.#sink.frame(type, flags, stream, bytes, 0, 0);
    else {
      this.#type = type;
      this.#flags = flags;
      this.#stream = stream;
      this.#state = WHOLE;
    }
  }

  #beginData(stream: number, flags: number, length: number): void {
    this.#padded = (flags & Flag.padded) !== 0;
    this.#padding = 0;
    if (this.#padded && length === 0) {
      this.#sink.broken(ErrorCode.frameSize, "a padded DATA frame has no length of its padding");
      return;
    }
    this.#data.dataBegins(stream, flags, length);
    if (this.stopped) return;
    if (length === 0) this.#data.dataEnds(0);
    else this.#state = this.#padded ? PAD_LENGTH : CONTENT;
  }

  #readWhole(bytes: Buffer, at: number, to: number): number {
    const length = this.#left;
    if (this.#payload === undefined && to - at >= length) {
      this.#state = HEAD;
      this.#sink.frame(this.#type, this.#flags, this.#stream, bytes, at, at + length);
      return at + length;
    }
    this.#payload ??= Buffer.allocUnsafe(length);
    const end = Math.min(to, at + length - this.#filled);
    bytes.copy(this.#payload, this.#filled, at, end);
    this.#filled += end - at;
    if (this.#filled === length) {
      const payload = this.#payload;
      this.#payload = undefined;
      this.#filled = 0;
      this.#state = HEAD;
      this.#sink.frame(this.#type, this.#flags, this.#stream, payload, 0, length);
    }
    return end;
  }

  #readPadLength(padding: number): void {
    this.#left--;
    if (padding > this.#left) {
      this.#sink.broken(ErrorCode.protocol, "the padding of a DATA frame is longer than the frame");
      return;
    }
    this.#padding = padding;
    this.#left -= padding;
    this.#state = CONTENT;
    if (this.#left === 0) this.#endContent();
  }

  #readContent(bytes: Buffer, at: number, to: number, reused: boolean): number {
    const end = Math.min(to, at + this.#left);
    this.#left -= end - at;
    this.#data.data(bytes, at, end, reused);
    if (this.#left === 0) this.#endContent();
    return end;
  }

  #endContent(): void {
    this.#left = this.#padding;
    this.#state = PADDING;
    if (this.#left === 0) this.#endData();
  }

  #readPadding(at: number, to: number): number {
    const end = Math.min(to, at + this.#left);
    this.#left -= end - at;
    if (this.#left === 0) this.#endData();
    return end;
  }

  #endData(): void {
    this.#state = HEAD;
    if (!this.stopped) this.#data.dataEnds(this.#padded ? this.#padding + 1 : 0);
  }
}
