import { randomFillSync } from "node:crypto";
import type { Chunk } from "./body.ts";

/** Opcodes of frames (RFC 6455 §5.2); from `close` on they are control frames. */
export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Octets of the longest header. */
const HEADER_MAX = 14;

/** The header of a frame, read octet by octet as it arrives (RFC 6455 §5.2). */
export class FrameHeader {
  readonly #octets: Uint8Array = new Uint8Array(HEADER_MAX);
  #whole = 2;
  /** Octets that were read; what the header says can be asked once it is complete. */
  size = 0;

  /** Reads on from `at`; returns the position behind what belongs to the header. */
  read(chunk: Chunk, at: number): number {
    let next = at;
    while (next < chunk.length && !this.complete) {
      this.#octets[this.size++] = typeof chunk === "string" ? chunk.charCodeAt(next) : chunk[next]!;
      next++;
      if (this.size === 2) this.#whole = wholeSize(this.#octets[1]!);
    }
    return next;
  }

  /** The next octet begins another frame; what this one said can still be asked until then. */
  next(): void {
    this.size = 0;
    this.#whole = 2;
  }

  get complete(): boolean {
    return this.size === this.#whole;
  }

  get final(): boolean {
    return this.#octets[0]! >= 0x80;
  }

  /** The three reserved bits, where they stand. */
  get reserved(): number {
    return this.#octets[0]! & 0x70;
  }

  get opcode(): number {
    return this.#octets[0]! & 0x0f;
  }

  get isControl(): boolean {
    return this.opcode >= Opcode.close;
  }

  get masked(): boolean {
    return this.#octets[1]! >= 0x80;
  }

  /** Octets of the payload; inexact past 2^53. */
  get length(): number {
    const short = this.#octets[1]! & 0x7f;
    return short < 126 ? short : this.#number(2, short === 126 ? 2 : 8);
  }

  /** Whether the length is written with as few octets as it takes, and without a sign. */
  get wellSized(): boolean {
    const short = this.#octets[1]! & 0x7f;
    if (short < 126) return true;
    if (short === 126) return this.length > 125;
    return this.#octets[2]! < 0x80 && this.length > 65_535;
  }

  /** Where in `octets` the masking key stands; after the last one where there is none. */
  get keyAt(): number {
    return extendedEnd(this.#octets[1]!);
  }

  /** The octets, of which the first `size` are the header. */
  get octets(): Uint8Array {
    return this.#octets;
  }

  /** The header as it came, in Latin-1. */
  text(): string {
    return String.fromCharCode(...this.#octets.subarray(0, this.size));
  }

  #number(from: number, octets: number): number {
    let value = 0;
    for (let at = from; at < from + octets; at++) value = value * 256 + this.#octets[at]!;
    return value;
  }
}

/** Where the length ends, by the second octet. */
function extendedEnd(second: number): number {
  const short = second & 0x7f;
  return short === 126 ? 4 : short === 127 ? 10 : 2;
}

function wholeSize(second: number): number {
  return extendedEnd(second) + (second >= 0x80 ? 4 : 0);
}

/** A whole frame of up to 65,535 octets; with `masked` as a client sends it (RFC 6455 §5.3). */
export function composeFrame(opcode: number, payload: Uint8Array, masked: boolean): Uint8Array {
  const { length } = payload;
  const sized = length < 126 ? 2 : 4;
  const at = sized + (masked ? 4 : 0);
  const frame = Buffer.alloc(at + length);
  frame[0] = 0x80 | opcode;
  frame[1] = (masked ? 0x80 : 0) | (length < 126 ? length : 126);
  if (length >= 126) frame.writeUInt16BE(length, 2);
  frame.set(payload, at);
  if (masked) {
    randomFillSync(frame, sized, 4);
    unmask(frame, at, frame.length, frame, sized);
  }
  return frame;
}

/** A Close frame with its code and up to 123 octets of reason (RFC 6455 §5.5.1). */
export function closeFrame(code: number, reason: string, masked: boolean): Uint8Array {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return composeFrame(Opcode.close, payload.subarray(0, 125), masked);
}

/** Takes a mask off `bytes[from, to)`, or puts it on: the key stands at `keyAt` of `keys` (RFC 6455 §5.3). */
export function unmask(bytes: Uint8Array, from: number, to: number, keys: Uint8Array, keyAt: number): void {
  for (let at = from; at < to; at++) bytes[at]! ^= keys[keyAt + ((at - from) & 3)]!;
}
