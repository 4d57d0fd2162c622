import type { Failure } from "../../errors/failure.ts";
import { type BodySink, type BodySource, type Chunk, HeldBody } from "../../lib/body.ts";
import type { Fields } from "../../lib/fields.ts";

/** Pieces of bytes smaller than this are copied when they must wait, so that they do not keep a large read alive. */
const COPIED_MAX = 8_192;

/** What a body tells the stream that it arrives on. */
export interface StreamBodyOwner {
  /** So many octets of content are done with: the peer may send as many more. */
  consumed(octets: number): void;
  /** Nobody wants the rest. */
  bodyDropped(): void;
}

/** The body of a message as its DATA frames bring it; what waits for its taker is bounded by the stream's window. */
export class StreamBody implements BodySource {
  readonly length: number | undefined;
  readonly #owner: StreamBodyOwner;
  #sink: BodySink | undefined = undefined;
  /** What came before the sink did, or while it was busy. */
  #ahead: Chunk[] = [];
  /** Octets of the piece that the sink still uses. */
  #held = 0;
  #giving = false;
  #cancelled = false;
  #trailers: Fields | undefined = undefined;
  #failure: Failure | undefined = undefined;
  #left: number;
  /** It ended before what was announced. */
  #short = false;
  /** All has arrived. */
  done = false;
  /** Octets of content so far. */
  received = 0;

  /** @param length octets that were announced; undefined where that was not said */
  constructor(owner: StreamBodyOwner, length: number | undefined) {
    this.#owner = owner;
    this.length = length;
    this.#left = length ?? Number.POSITIVE_INFINITY;
  }

  /** Nobody takes what comes, so that no more is asked for. */
  get blocked(): boolean {
    return this.#held > 0 || this.#ahead.length > 0;
  }

  /** Nobody has started it yet. */
  get untouched(): boolean {
    return this.#sink === undefined && !this.#cancelled;
  }

  get failure(): Failure | undefined {
    return this.#failure;
  }

  /** The octets that came differ from what was announced (RFC 9113 §8.1.1). */
  get contradicts(): boolean {
    return this.#left < 0 || this.#short;
  }

  /** Takes content of a DATA frame. */
  push(bytes: Buffer, from: number, to: number, reused: boolean): void {
    const size = to - from;
    if (size === 0) return;
    this.received += size;
    this.#left -= size;
    if (this.#cancelled || this.#failure !== undefined || this.#left < 0) {
      this.#owner.consumed(size);
      return;
    }
    const waits = this.#sink === undefined || this.#held > 0 || this.#giving;
    const copy = reused || (waits && size < COPIED_MAX);
    const chunk = copy ? bytes.latin1Slice(from, to) : bytes.subarray(from, to);
    if (waits) this.#ahead.push(chunk);
    else this.#give(chunk);
  }

  #give(chunk: Chunk): void {
    this.#giving = true;
    this.#held = chunk.length;
    if (this.#sink!.data(chunk)) {
      this.#held = 0;
      this.#owner.consumed(chunk.length);
    }
    this.#giving = false;
  }

  /** The peer's END_STREAM; where it contradicts what was announced, whoever takes the content does not hear of it. */
  end(trailers: Fields | undefined): void {
    if (this.done || this.#failure !== undefined) return;
    if (this.#left > 0 && this.length !== undefined) {
      this.#short = true;
      return;
    }
    this.done = true;
    this.#trailers = trailers;
    if (this.#sink !== undefined && this.#held === 0 && !this.#giving) this.#goOn();
  }

  /** Ends it without its end. */
  fail(failure: Failure): void {
    if (this.#failure !== undefined || (this.done && this.#ahead.length === 0 && this.#held === 0)) return;
    this.#failure = failure;
    this.#dropAhead();
    if (!this.#cancelled) this.#sink?.fail(failure);
  }

  /** The whole content, where it has arrived before anybody took any. */
  whole(): HeldBody | undefined {
    if (!this.done || this.#sink !== undefined || this.#failure !== undefined) return undefined;
    const pieces = this.#ahead;
    this.#ahead = [];
    this.#owner.consumed(this.received);
    return new HeldBody(joined(pieces), this.#trailers);
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#goOn();
  }

  /** Hands on what was kept, and the end where that has come as well. */
  #goOn(): void {
    while (this.#held === 0 && this.#ahead.length > 0 && !this.#cancelled) this.#give(this.#ahead.shift()!);
    if (this.#cancelled || this.#held > 0) return;
    if (this.#failure !== undefined) this.#sink!.fail(this.#failure);
    else if (this.done) this.#sink!.end(this.#trailers);
  }

  resume(): void {
    const held = this.#held;
    if (held === 0) return;
    this.#held = 0;
    this.#owner.consumed(held);
    if (!this.#giving && this.#sink !== undefined && this.#failure === undefined) this.#goOn();
  }

  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#dropAhead();
    if (!this.done && this.#failure === undefined) this.#owner.bodyDropped();
  }

  #dropAhead(): void {
    let octets = 0;
    for (const chunk of this.#ahead) octets += chunk.length;
    this.#ahead = [];
    if (octets > 0) this.#owner.consumed(octets);
  }
}

/** Pieces as one: a string where all are. */
function joined(pieces: readonly Chunk[]): Chunk {
  if (pieces.length === 1) return pieces[0]!;
  if (pieces.every((piece) => typeof piece === "string")) return pieces.join("");
  return Buffer.concat(
    pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece, "latin1") : piece)),
  );
}
