import { Failure } from "../errors/failure.ts";
import { type BodySink, type BodySource, type Chunk, HeldBody } from "../lib/body.ts";
import type { Fields } from "../lib/fields.ts";
import type { HeadLimits } from "../lib/limits.ts";
import type { RequestHead } from "../lib/request.ts";
import { forfeit, giveBack, lease, SHARED } from "./buffers.ts";
import { ChunkedDecoder } from "./chunked.ts";
import { CHUNKED, type Framing, UNTIL_CLOSE } from "./framing.ts";
import type { Transport } from "./transport.ts";

/** From how many bytes still to come a message of known length gets a buffer of its own. */
const LEASE_FROM = 65_536;
/** Bytes that are read on while nobody takes them: so the end of a peer that leaves is seen. */
const AHEAD_MAX = 16_384;
/** A read smaller than this from a leased buffer gives it back, when the length is not known. */
const LEASE_UNTIL = 16_384;

/** What a body tells the connection it arrives on. */
export interface IncomingOwner {
  /** The last byte was read and handed on; `extra` when more than the body came with it. */
  bodyRead(extra: boolean): void;
  /** Nobody wants the rest. */
  bodyDropped(): void;
  /** The framing is broken: nothing more can be read from the connection. */
  bodyBroken(failure: Failure): void;
}

/** The reasons of a body that is broken, by the side it comes from. */
export interface BodyReasons {
  readonly malformed: string;
  readonly incomplete: string;
}

export const REQUEST_BODY: BodyReasons = { malformed: "body_malformed", incomplete: "body_incomplete" };
export const RESPONSE_BODY: BodyReasons = { malformed: "response_malformed", incomplete: "body_cut" };

/** The body of a message as it arrives: takes its framing off and pushes it on, with backpressure to the socket. */
export class IncomingBody implements BodySource {
  readonly length: number | undefined;
  readonly #owner: IncomingOwner;
  readonly #transport: Transport;
  readonly #reasons: BodyReasons;
  readonly #decoder: ChunkedDecoder | undefined;
  #left: number;
  #sink: BodySink | undefined = undefined;
  /** What came before the sink did, or while it was busy: a copy, since the buffers go on to the next read. */
  #ahead: string | undefined = undefined;
  #lease: Buffer | undefined = undefined;
  /** The sink still uses the last piece. */
  #held = false;
  #cancelled = false;
  /** Bytes are being taken: the socket changes its buffer behind them. */
  #pushing = false;
  #trailers: Fields | undefined = undefined;
  #failure: Failure | undefined = undefined;
  /** All was read. */
  done = false;
  /** Bytes of content so far. */
  received = 0;

  constructor(
    owner: IncomingOwner,
    transport: Transport,
    framing: Framing,
    limits: HeadLimits,
    reasons: BodyReasons,
  ) {
    this.#owner = owner;
    this.#reasons = reasons;
    this.#transport = transport;
    this.length = framing >= 0 ? framing : undefined;
    this.#left = framing >= 0 ? framing : Number.POSITIVE_INFINITY;
    this.#decoder = framing === CHUNKED ? new ChunkedDecoder(limits) : undefined;
    this.done = framing === 0;
  }

  /** A body that ends with the connection, as a tunnel's does. */
  static untilClose(
    owner: IncomingOwner,
    transport: Transport,
    limits: HeadLimits,
    reasons: BodyReasons,
  ): IncomingBody {
    return new IncomingBody(owner, transport, UNTIL_CLOSE, limits, reasons);
  }

  /** Nobody takes what comes: the socket must not be read. A leased buffer that the sink still uses cannot be read into. */
  get blocked(): boolean {
    if (this.done) return false;
    if (this.#held && this.#lease !== undefined) return true;
    return this.#ahead !== undefined && this.#ahead.length >= AHEAD_MAX;
  }

  /** Nobody has started it yet. */
  get untouched(): boolean {
    return this.#sink === undefined && !this.#cancelled;
  }

  get trailers(): Fields | undefined {
    return this.#trailers;
  }

  get failure(): Failure | undefined {
    return this.#failure;
  }

  /** Gives the head its body, with what of it came along; returns the position behind that. Call before `push`. */
  begin(head: RequestHead, bytes: Buffer, from: number, to: number): number {
    const whole = from < to ? this.whole(bytes, from, to) : undefined;
    if (whole !== undefined) head.body = new HeldBody(whole.content, this.trailers);
    else if (!this.done) head.body = this;
    return whole === undefined ? to : whole.end;
  }

  /** Takes the first part of the body, when all of it may be here: the content, if it is. Call before `push`. */
  whole(bytes: Buffer, from: number, to: number): { content: string; end: number } | undefined {
    const end = this.#decode(bytes, from, to);
    if (this.done) return { content: bytes.latin1Slice(piece.start, piece.end), end };
    if (piece.end > piece.start) this.#ahead = bytes.latin1Slice(piece.start, piece.end);
    return undefined;
  }

  /** Takes bytes that arrived, hands the content on, and returns the position behind what belongs to this body. */
  push(bytes: Buffer, from: number, to: number, reused: boolean): number {
    this.#pushing = true;
    const end = this.#decode(bytes, from, to);
    if (piece.end > piece.start && !this.#cancelled) {
      if (this.#sink === undefined || this.#held) this.#keep(bytes);
      else {
        const size = piece.end - piece.start;
        this.#give(
          this.#sink,
          reused ? bytes.latin1Slice(piece.start, piece.end) : bytes.subarray(piece.start, piece.end),
        );
        this.#chooseBuffer(size);
      }
    }
    this.#settle(end < to);
    this.#pushing = false;
    return end;
  }

  #give(sink: BodySink, chunk: Chunk): void {
    this.#held = true;
    if (sink.data(chunk)) this.#held = false;
  }

  #keep(bytes: Buffer): void {
    const text = bytes.latin1Slice(piece.start, piece.end);
    this.#ahead = this.#ahead === undefined ? text : this.#ahead + text;
  }

  /** The peer sent its end: that of this body, when it is framed so. */
  peerEnded(): void {
    if (this.done || this.#failure !== undefined) return;
    if (this.length === undefined && this.#decoder === undefined) {
      this.done = true;
      this.#settle(false);
    } else this.fail(new Failure(this.#reasons.incomplete, "the connection ended before the body did"));
  }

  /** Ends it without its end. */
  fail(failure: Failure): void {
    if (this.done || this.#failure !== undefined) return;
    this.#failure = failure;
    if (this.#pushing || this.#transport.closed) this.#release();
    else this.#forfeit();
    if (this.#sink === undefined) return;
    this.#ahead = undefined;
    this.#sink.fail(failure);
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#giveAhead(sink);
    if (!this.done && !this.blocked) this.#transport.resume();
  }

  /** Hands on what was kept, and the end where that has come as well. */
  #giveAhead(sink: BodySink): void {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead !== undefined) this.#give(sink, ahead);
    if (this.#cancelled) return;
    if (this.#failure !== undefined) sink.fail(this.#failure);
    else if (this.done) sink.end(this.#trailers);
  }

  resume(): void {
    if (!this.#held) return;
    this.#held = false;
    if (this.#ahead !== undefined && this.#sink !== undefined) this.#giveAhead(this.#sink);
    if (this.done || this.#failure !== undefined || this.#transport.closed) this.#release();
    if (!this.done && !this.blocked) this.#transport.resume();
  }

  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#ahead = undefined;
    this.#sink = undefined;
    if (this.done) return;
    this.#owner.bodyDropped();
    this.#transport.resume();
  }

  #decode(bytes: Buffer, from: number, to: number): number {
    let end: number;
    const decoder = this.#decoder;
    if (decoder === undefined) {
      end = to - from > this.#left ? from + this.#left : to;
      this.#left -= end - from;
      this.done = this.#left === 0;
      piece.start = from;
      piece.end = end;
    } else {
      end = decoder.decode(bytes, from, to);
      this.done = decoder.done;
      this.#trailers = decoder.trailers;
      piece.start = decoder.start;
      piece.end = decoder.end;
      if (decoder.problem !== "") this.fail(new Failure(this.#reasons.malformed, decoder.problem));
    }
    this.received += piece.end - piece.start;
    return end;
  }

  #settle(extra: boolean): void {
    if (this.#failure !== undefined) {
      this.#owner.bodyBroken(this.#failure);
    } else if (this.done) {
      this.#release();
      if (this.#ahead === undefined && !this.#cancelled) this.#sink?.end(this.#trailers);
      this.#owner.bodyRead(extra);
    }
  }

  /** Large bodies are read into a buffer of their own, and written from it without a copy. */
  #chooseBuffer(size: number): void {
    if (this.done || this.#cancelled || !this.#transport.takesBuffers) return;
    const known = this.#left !== Number.POSITIVE_INFINITY;
    if (this.#lease === undefined) {
      if (known ? this.#left >= LEASE_FROM : size >= SHARED.length >> 1) {
        this.#lease = lease();
        this.#transport.readInto = this.#lease;
      }
    } else if (!known && size < LEASE_UNTIL && !this.#held) this.#release();
  }

  #release(): void {
    const leased = this.#lease;
    if (leased === undefined) return;
    if (this.#transport.readInto === leased) this.#transport.readInto = undefined;
    if (this.#held) return;
    giveBack(leased);
    this.#lease = undefined;
  }

  /** Between two reads the socket keeps its buffer: nobody else may have it. */
  #forfeit(): void {
    if (this.#lease === undefined) return;
    this.#transport.readInto = undefined;
    forfeit();
    this.#lease = undefined;
  }
}

/** Where the content of the last decoded bytes lies. */
const piece = { start: 0, end: 0 };
