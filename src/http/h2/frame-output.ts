import type { Chunk } from "../../lib/body.ts";
import type { Transport } from "../transport.ts";
import { ErrorCode, Flag, FRAME_HEAD, FrameType, Setting } from "./protocol.ts";

const SCRATCH_BYTES = 65_536;
const SCRATCH_KEPT = 64;

/** Chunks of bytes up to this size are copied into the frames around them; larger ones are written where they lie. */
export const COPIED_MAX = 16_384;

/** Bytes that may wait for the kernel before the bodies of streams must wait. */
const QUEUE_MAX = 131_072;

const scratches: Buffer[] = [];

/** Outputs that hold frames of this turn of the event loop. */
let unflushed: FrameOutput[] = [];

/**
 * The frames that a connection sends. Those of one turn of the event loop leave with one call of the kernel; nobody waits
 * for that, since it is done before the loop looks for anything new.
 */
export class FrameOutput {
  readonly #transport: Transport;
  #scratch: Buffer | undefined = undefined;
  #size = 0;
  /** Where the part of the scratch begins that is not among the pieces. */
  #from = 0;
  #pieces: Uint8Array[] | undefined = undefined;
  #pieceBytes = 0;
  /** Scratches that the kernel still writes from. */
  #busy: Buffer[] = [];
  #busyBytes = 0;
  #scheduled = false;
  #ended = false;
  /** Octets of frames that answer what the peer sent and that the kernel may not have taken. */
  answers = 0;
  /** Counts the writes: a frame can be changed as long as this stands. */
  flushes = 0;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** So much waits that bodies must wait as well. Frames that only control are taken all the same. */
  get full(): boolean {
    return this.waiting >= QUEUE_MAX;
  }

  /** Bytes that wait for the kernel. */
  get waiting(): number {
    return this.#size + this.#pieceBytes + this.#busyBytes;
  }

  #room(bytes: number): Buffer {
    if (this.#scratch !== undefined && this.#size + bytes > SCRATCH_BYTES) this.flush();
    if (this.#scratch === undefined) {
      this.#scratch = scratches.pop() ?? Buffer.allocUnsafeSlow(SCRATCH_BYTES);
      if (!this.#scheduled) {
        this.#scheduled = true;
        if (unflushed.push(this) === 1) setImmediate(flushAll);
      }
    }
    return this.#scratch;
  }

  /** Room for one frame; its head is written, and the position of its payload is returned in `place`. */
  #frame(type: number, flags: number, stream: number, length: number, copied: number = length): Buffer {
    const scratch = this.#room(FRAME_HEAD + copied);
    let at = this.#size;
    scratch[at++] = length >>> 16;
    scratch[at++] = length >>> 8;
    scratch[at++] = length;
    scratch[at++] = type;
    scratch[at++] = flags;
    scratch[at++] = stream >>> 24;
    scratch[at++] = stream >>> 16;
    scratch[at++] = stream >>> 8;
    scratch[at++] = stream;
    place = at;
    this.#size = at + copied;
    return scratch;
  }

  /** A header block: HEADERS, with CONTINUATION frames where it is larger than a frame may be. */
  headers(stream: number, block: Uint8Array, endStream: boolean, frameMax: number): void {
    let type: number = FrameType.headers;
    let flags: number = endStream ? Flag.endStream : 0;
    let at = 0;
    do {
      const end = Math.min(block.length, at + frameMax);
      if (end === block.length) flags |= Flag.endHeaders;
      this.#frame(type, flags, stream, end - at).set(
        at === 0 && end === block.length ? block : block.subarray(at, end),
        place,
      );
      type = FrameType.continuation;
      flags = 0;
      at = end;
    } while (at < block.length);
  }

  /**
   * A DATA frame with `chunk[from, to)`. A large piece of bytes is not copied: call `flush` before its memory is used
   * again.
   * @returns where the frame's flags stand, for `endData`
   */
  data(stream: number, chunk: Chunk, from: number, to: number, endStream: boolean): number {
    const length = to - from;
    const flags = endStream ? Flag.endStream : 0;
    if (typeof chunk === "string") {
      const scratch = this.#frame(FrameType.data, flags, stream, length);
      scratch.latin1Write(from === 0 && to === chunk.length ? chunk : chunk.slice(from, to), place, length);
    } else if (chunk.length <= COPIED_MAX) {
      const scratch = this.#frame(FrameType.data, flags, stream, length);
      scratch.set(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to), place);
    } else {
      const scratch = this.#frame(FrameType.data, flags, stream, length, 0);
      this.#pieces ??= [];
      this.#pieces.push(scratch.subarray(this.#from, this.#size), chunk.subarray(from, to));
      this.#pieceBytes += length;
      this.#from = this.#size;
    }
    return place - 5;
  }

  /** Makes a DATA frame the last of its stream, where it has not left. */
  endData(flagsAt: number, flushes: number): boolean {
    if (flushes !== this.flushes || this.#scratch === undefined) return false;
    this.#scratch[flagsAt]! |= Flag.endStream;
    return true;
  }

  /** RST_STREAM. */
  resetStream(stream: number, code: number): void {
    this.answers += 4;
    this.#frame(FrameType.resetStream, 0, stream, 4).writeUInt32BE(code, place);
  }

  /** WINDOW_UPDATE; of the connection where `stream` is 0. */
  windowUpdate(stream: number, increment: number): void {
    this.answers += 4;
    this.#frame(FrameType.windowUpdate, 0, stream, 4).writeUInt32BE(increment, place);
  }

  /** PING, or the answer to one, with eight octets of payload. */
  ping(ack: boolean, bytes: Uint8Array, from: number): void {
    this.answers += 8;
    this.#frame(FrameType.ping, ack ? Flag.ack : 0, 0, 8).set(bytes.subarray(from, from + 8), place);
  }

  /** SETTINGS: identifiers and values, alternating. */
  settings(parameters: readonly number[]): void {
    const scratch = this.#frame(FrameType.settings, 0, 0, parameters.length * 3);
    let at = place;
    for (let i = 0; i < parameters.length; i += 2) {
      scratch.writeUInt16BE(parameters[i]!, at);
      scratch.writeUInt32BE(parameters[i + 1]!, at + 2);
      at += 6;
    }
  }

  /** Says that the peer's SETTINGS are in force. */
  settingsAck(): void {
    this.answers += FRAME_HEAD;
    this.#frame(FrameType.settings, Flag.ack, 0, 0);
  }

  /** GOAWAY. `detail` is for the person who debugs the peer. */
  goAway(lastStream: number, code: number, detail: string): void {
    const scratch = this.#frame(FrameType.goAway, 0, 0, 8 + detail.length);
    scratch.writeUInt32BE(lastStream, place);
    scratch.writeUInt32BE(code, place + 4);
    scratch.latin1Write(detail, place + 8, detail.length);
  }

  /** Bytes that are no frame: the preface of a client. */
  raw(text: string): void {
    this.#room(text.length).latin1Write(text, this.#size, text.length);
    this.#size += text.length;
  }

  /** Hands all to the kernel. True: it took all, and the memory of pieces is free; false: `drained` follows. */
  flush(): boolean {
    const scratch = this.#scratch;
    if (scratch === undefined) return this.#busyBytes === 0;
    const pieces = this.#pieces;
    const bytes = this.#size + this.#pieceBytes;
    const rest = scratch.subarray(this.#from, this.#size);
    this.#scratch = undefined;
    this.#pieces = undefined;
    this.#size = 0;
    this.#from = 0;
    this.#pieceBytes = 0;
    this.flushes++;
    if (this.#ended || this.#transport.closed) return true;
    if (pieces !== undefined && rest.length > 0) pieces.push(rest);
    const taken = pieces === undefined ? this.#transport.write(rest) : this.#transport.writeAll(pieces);
    if (taken) {
      this.answers = 0;
      keep(scratch);
    } else {
      this.#busy.push(scratch);
      this.#busyBytes += bytes;
    }
    return taken;
  }

  /** Hands all to the kernel; frames that come later are thrown away. */
  end(): void {
    this.flush();
    this.#ended = true;
  }

  /** The kernel has taken all that was written. */
  drained(): void {
    this.#busyBytes = 0;
    this.answers = 0;
    for (const scratch of this.#busy.splice(0)) keep(scratch);
  }

  /** @internal */
  turnEnds(): void {
    this.#scheduled = false;
    this.flush();
  }
}

/** Where the payload of the last frame begins. */
let place = 0;

function keep(scratch: Buffer): void {
  if (scratches.length < SCRATCH_KEPT) scratches.push(scratch);
}

function flushAll(): void {
  const outputs = unflushed;
  unflushed = [];
  for (const output of outputs) output.turnEnds();
}

/** The SETTINGS that say what we take. */
export function announced(maxStreams: number, window: number, headBytes: number, connect: boolean): number[] {
  const parameters = [
    Setting.maxConcurrentStreams,
    maxStreams,
    Setting.initialWindowSize,
    window,
    Setting.maxHeaderListSize,
    headBytes,
  ];
  if (connect) parameters.push(Setting.enableConnectProtocol, 1);
  return parameters;
}

/** The name of an error code, as RFC 9113 §7 writes it. */
export function errorName(code: number): string {
  const found = Object.entries(ErrorCode).find(([, value]) => value === code);
  return found === undefined ? String(code) : found[0].replace(/[A-Z0-9]+/g, "_$&").toUpperCase();
}
