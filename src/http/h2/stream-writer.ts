import { Failure } from "../../errors/failure.ts";
import {
  type Body,
  type BodyFailure,
  type BodySink,
  type BodySource,
  type Chunk,
  HeldBody,
} from "../../lib/body.ts";
import type { Fields } from "../../lib/fields.ts";
import { COPIED_MAX, type FrameOutput } from "./frame-output.ts";
import type { WaitingWriters } from "./waiting-writers.ts";

/** Octets of one stream that leave before the others are asked. */
const QUANTUM = 65_536;

/** The sending side of a connection, as its streams share it. */
export interface SendingSide {
  readonly output: FrameOutput;
  /** Octets that the peer takes on all streams (RFC 9113 §6.9). */
  sendWindow: number;
  /** Largest payload that the peer takes. */
  readonly peerFrameMax: number;
  /** Those that cannot go on. */
  readonly writers: WaitingWriters;
  /** A DATA frame with so many octets was written; `whole`: it ends a piece of its source. */
  wrote(octets: number, whole: boolean): void;
}

/** What a writer tells the stream that it writes to. */
export interface StreamWriterOwner {
  readonly id: number;
  /** Octets that the peer takes on this stream. */
  sendWindow: number;
  /** The trailers and END_STREAM. */
  sendTrailers(trailers: Fields): void;
  /** The message is handed over. */
  messageWritten(): void;
  /** The body's source failed: what was written is not a whole message. */
  messageCut(failure: BodyFailure): void;
}

/** Writes the body of one message as DATA frames, as fast as the windows and the kernel allow. */
export class StreamWriter implements BodySink {
  readonly #owner: StreamWriterOwner;
  readonly #side: SendingSide;
  #source: BodySource | undefined = undefined;
  #left: number;
  /** What waits for room. */
  #chunk: Chunk | undefined = undefined;
  #at = 0;
  /** The source said that no more comes; said already by the chunk that waits. */
  #last = false;
  #trailers: Fields | undefined = undefined;
  /** Where the flags of the last frame stand, and at which write that holds. */
  #flagsAt = 0;
  #flushes = -1;
  /** END_STREAM stood on the last frame of the content. */
  #ended = false;
  /** The source waits for `resume`. */
  #owes = false;
  #inKernel = false;
  /** Written to its end, or given up. */
  over = false;
  /** Octets of content that were written. */
  written = 0;

  /** @param length octets that were announced; undefined where that was not said */
  constructor(owner: StreamWriterOwner, side: SendingSide, length: number | undefined) {
    this.#owner = owner;
    this.#side = side;
    this.#left = length ?? Number.POSITIVE_INFINITY;
  }

  /** Content waits until the peer gives room. */
  get stalled(): boolean {
    return this.#chunk !== undefined;
  }

  /** Writes the message's body. */
  write(body: Body): void {
    if (body instanceof HeldBody) {
      this.#last = true;
      this.#trailers = body.trailers;
      if (body.length === 0) this.#finish();
      else this.data(body.content);
    } else {
      this.#source = body;
      body.start(this);
    }
  }

  data(chunk: Chunk): boolean {
    const size = chunk.length;
    if (this.over || size === 0) return true;
    this.#left -= size;
    if (this.#left < 0) {
      this.fail(new Failure("internal", "a body is longer than its announced length"));
      this.#source?.cancel();
      return true;
    }
    this.#chunk = chunk;
    this.#at = 0;
    const free = this.#push() && !this.#inKernel;
    this.#owes = !free;
    return free;
  }

  /** Writes what there is room for. True: all of the chunk is written. */
  #push(): boolean {
    const { output } = this.#side;
    const chunk = this.#chunk!;
    const size = chunk.length;
    const end = Math.min(size, this.#at + QUANTUM);
    while (this.#at < end) {
      const room = Math.min(this.#owner.sendWindow, this.#side.sendWindow);
      if (room <= 0 || (output.full && !output.flush() && output.full)) break;
      const to = Math.min(end, this.#at + room, this.#at + this.#side.peerFrameMax);
      this.#ended = this.#last && to === size && this.#trailers === undefined;
      this.#flagsAt = output.data(this.#owner.id, chunk, this.#at, to, this.#ended);
      this.#flushes = output.flushes;
      const octets = to - this.#at;
      this.#owner.sendWindow -= octets;
      this.#side.sendWindow -= octets;
      this.#side.wrote(octets, to === size);
      this.written += octets;
      this.#at = to;
    }
    const done = this.#at === size;
    // Without room on its own stream it is asked again when the peer gives some.
    if (!done && this.#owner.sendWindow > 0) this.#side.writers.waitForRoom(this);
    const lies = typeof chunk !== "string" && size > COPIED_MAX;
    // Also what is added while an earlier part is in the kernel's hands: its memory must not be given back before it left.
    if (lies && !output.flush() && !this.#inKernel) {
      this.#inKernel = true;
      this.#side.writers.waitForKernel(this);
    }
    if (!done) return false;
    this.#chunk = undefined;
    if (this.#last) this.#finish();
    return true;
  }

  /** There is room again. */
  go(): void {
    if (this.over || this.#chunk === undefined) return;
    if (this.#push()) this.#release();
  }

  /** The kernel has taken all that was written. */
  freed(): void {
    this.#inKernel = false;
    if (this.#chunk === undefined) this.#release();
  }

  /** Gives the last piece back to its source, when nobody needs it any more. */
  #release(): void {
    if (!this.#owes || this.#inKernel) return;
    this.#owes = false;
    this.#source?.resume();
  }

  end(trailers?: Fields): void {
    if (this.over || this.#last) return;
    this.#last = true;
    this.#trailers = trailers;
    if (this.#chunk === undefined) this.#finish();
  }

  #finish(): void {
    if (this.over) return;
    if (this.#left > 0 && this.#left !== Number.POSITIVE_INFINITY) {
      this.fail(new Failure("internal", "a body is shorter than its announced length"));
      return;
    }
    this.over = true;
    const { output } = this.#side;
    if (this.#trailers !== undefined) this.#owner.sendTrailers(this.#trailers);
    else if (!this.#ended && !output.endData(this.#flagsAt, this.#flushes))
      output.data(this.#owner.id, "", 0, 0, true);
    this.#owner.messageWritten();
  }

  fail(failure: BodyFailure): void {
    if (this.over) return;
    this.#stop();
    this.#owner.messageCut(failure);
    this.#release();
  }

  /** Nobody wants the rest; what is in the kernel's hands is waited for. */
  abandon(): void {
    if (this.over) {
      this.#side.writers.forget(this);
      return;
    }
    this.#stop();
    this.#source?.cancel();
    this.#release();
  }

  #stop(): void {
    this.over = true;
    this.#chunk = undefined;
    this.#side.writers.forget(this);
  }
}
