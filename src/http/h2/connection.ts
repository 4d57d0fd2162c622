import { Failure } from "../../errors/failure.ts";
import type { HeadLimits } from "../../lib/limits.ts";
import type { Transport, TransportOwner } from "../transport.ts";
import { Budget } from "./budget.ts";
import { FieldSection } from "./field-section.ts";
import { FrameOutput } from "./frame-output.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import { HeaderBlock } from "./header-block.ts";
import { HpackDecoder } from "./hpack/decoder.ts";
import { HpackEncoder } from "./hpack/encoder.ts";
import { ErrorCode, Flag, FRAME_MAX, FrameType, WINDOW_INITIAL, WINDOW_MAX } from "./protocol.ts";
import { ResetStreams } from "./reset-streams.ts";
import { PeerSettings } from "./settings.ts";
import type { Http2Stream } from "./stream.ts";
import type { SendingSide } from "./stream-writer.ts";
import { WaitingWriters } from "./waiting-writers.ts";

/** What either side is ready to take. */
export interface WindowOptions {
  /** Octets of content that one stream may have under way to us, or waiting here; at least 65535. */
  readonly streamWindow: number;
  /** The same for all streams of a connection together. */
  readonly connectionWindow: number;
}

/** Frames that ask something of us and give nothing: so many at once, and so many a second. */
const CONTROLS = 1_000;
const CONTROLS_PER_SECOND = 250;
/**
 * What a header block or a DATA frame of ours gives back, since its receiver answers with WINDOW_UPDATE and, to measure the way,
 * with PING; small pieces that a window cut off give nothing.
 */
const CREDIT_PER_FRAME = 4;
const CREDIT_FROM = 1_024;
/** What SETTINGS costs: each may change every stream. */
const SETTINGS_COST = 5;

/** Octets of answers to such frames that a peer who does not read may make us keep. */
const ANSWERS_MAX = 32_768;

/**
 * One connection, whichever side opened it: frames, settings, windows and header blocks (RFC 9113 §4–§6). What a message is,
 * its side knows.
 */
export abstract class Http2Connection implements TransportOwner, FrameSink, SendingSide {
  protected transport!: Transport;
  output!: FrameOutput;
  readonly streams: Map<number, Http2Stream> = new Map();
  readonly remote: PeerSettings = new PeerSettings();
  readonly ownWindow: number;
  sendWindow: number = WINDOW_INITIAL;
  readonly writers: WaitingWriters = new WaitingWriters(this);
  /** Frames that only control; a flood of them ends the connection. */
  protected readonly controls: Budget = new Budget(CONTROLS, CONTROLS_PER_SECOND);
  protected readonly reader: FrameReader = new FrameReader(this);
  protected readonly section: FieldSection;
  readonly #decoder = new HpackDecoder();
  readonly #encoder = new HpackEncoder();
  readonly #block: HeaderBlock;
  readonly #windowMax: number;
  /** Octets that the peer may still send on all streams. */
  #receiveWindow: number = WINDOW_INITIAL;
  #unreturned = 0;
  /** The first SETTINGS came. */
  protected greeted = false;
  /** SETTINGS of ours that the peer has not acknowledged. */
  protected unacknowledged = 0;
  /** The stream of the DATA frame that is being read, and its length. */
  #dataStream: Http2Stream | undefined = undefined;
  #dataLength = 0;
  #dataEnds = false;
  readonly #resetStreams = new ResetStreams();
  /** Nothing that arrives matters any more. */
  protected closing = false;

  constructor(limits: HeadLimits, windows: WindowOptions) {
    this.section = new FieldSection(limits);
    this.#block = new HeaderBlock(limits.head);
    this.ownWindow = Math.max(WINDOW_INITIAL, windows.streamWindow);
    this.#windowMax = Math.max(WINDOW_INITIAL, windows.connectionWindow);
  }

  /** Sends our SETTINGS and the window of the connection. */
  protected greet(transport: Transport, settings: readonly number[], preface = ""): void {
    this.transport = transport;
    this.output = new FrameOutput(transport);
    if (preface !== "") this.output.raw(preface);
    this.output.settings(settings);
    this.unacknowledged++;
    if (this.#windowMax > WINDOW_INITIAL) this.output.windowUpdate(0, this.#windowMax - WINDOW_INITIAL);
    this.#receiveWindow = this.#windowMax;
  }

  // ---- what a side must know

  /** No stream of this number was ever opened. */
  protected abstract isIdle(id: number): boolean;

  /** A header block for a stream that is not open; `section` holds its fields. */
  protected abstract headersArrived(id: number, section: FieldSection, endStream: boolean): void;

  /** Whether a header block may begin on a stream that is not open; false after having refused it. */
  protected abstract mayOpen(id: number): boolean;

  /** The peer will open no more streams, and has not seen those of ours behind `lastStream`. */
  protected abstract peerLeaves(lastStream: number, code: number): void;

  /** Our PING was answered. */
  protected pingAnswered(_bytes: Buffer, _from: number): void {}

  /** The peer's SETTINGS are in force. */
  protected settingsChanged(): void {}

  /** The peer reset a stream. */
  protected peerReset(_code: number): void {}

  /** The connection is of no use: GOAWAY was written and no stream is left. */
  protected abstract givenUp(failure: Failure): void;

  /** The last stream that was taken up, for GOAWAY. */
  protected abstract get lastStream(): number;

  // ---- frames

  frame(type: number, flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (!this.greeted && (type !== FrameType.settings || (flags & Flag.ack) !== 0)) {
      this.broken(ErrorCode.protocol, "the first frame is not SETTINGS");
      return;
    }
    if (this.#block.open && (type !== FrameType.continuation || id !== this.#block.stream)) {
      this.broken(ErrorCode.protocol, "another frame stands within a header block");
      return;
    }
    switch (type) {
      case FrameType.headers:
        this.#headers(flags, id, bytes, from, to);
        break;
      case FrameType.continuation:
        this.#continuation(flags, bytes, from, to);
        break;
      case FrameType.windowUpdate:
        this.#windowUpdate(id, bytes, from, to);
        break;
      case FrameType.resetStream:
        this.#resetStream(id, bytes, from, to);
        break;
      case FrameType.settings:
        this.#settings(flags, id, bytes, from, to);
        break;
      case FrameType.ping:
        this.#ping(flags, id, bytes, from, to);
        break;
      case FrameType.goAway:
        this.#goAway(id, bytes, from, to);
        break;
      case FrameType.pushPromise:
        this.broken(ErrorCode.protocol, "PUSH_PROMISE was not allowed");
        break;
      case FrameType.priority:
        this.#priority(id, to - from);
        break;
      default:
        // Of an extension that we do not know (RFC 9113 §4.1).
        this.spend(1);
    }
  }

  /** Takes from the budget of frames that only control; false when the connection ended over it. */
  protected spend(amount: number): boolean {
    const calm = this.controls.take(amount) && this.output.answers < ANSWERS_MAX;
    if (!calm) this.broken(ErrorCode.enhanceYourCalm, "too many frames that ask and give nothing");
    return calm;
  }

  #headers(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (id === 0) {
      this.broken(ErrorCode.protocol, "HEADERS stands on stream 0");
      return;
    }
    const padded = (flags & Flag.padded) !== 0;
    const start = from + (padded ? 1 : 0) + ((flags & Flag.priority) !== 0 ? 5 : 0);
    if (start > to) {
      this.broken(ErrorCode.frameSize, "a HEADERS frame is too short for its flags");
      return;
    }
    const end = padded ? to - bytes[from]! : to;
    if (end < start) {
      this.broken(ErrorCode.protocol, "the padding of a HEADERS frame is longer than the frame");
      return;
    }
    if (!this.streams.has(id) && !this.mayOpen(id)) return;
    const endStream = (flags & Flag.endStream) !== 0;
    if ((flags & Flag.endHeaders) !== 0) this.#decode(id, endStream, bytes, start, end);
    else this.#block.begin(id, endStream, bytes, start, end);
  }

  #continuation(flags: number, bytes: Buffer, from: number, to: number): void {
    if (!this.#block.open) {
      this.broken(ErrorCode.protocol, "CONTINUATION stands behind no HEADERS");
      return;
    }
    if (!this.#block.add(bytes, from, to)) {
      this.broken(ErrorCode.enhanceYourCalm, "a header block is too large or comes in too many frames");
      return;
    }
    if ((flags & Flag.endHeaders) === 0) return;
    const { stream, endStream } = this.#block;
    const whole = this.#block.take();
    this.#decode(stream, endStream, whole, 0, whole.length);
  }

  /** Every block is decoded, also one that nobody wants: the table must stay that of the peer (RFC 9113 §4.3). */
  #decode(id: number, endStream: boolean, bytes: Buffer, from: number, to: number): void {
    const { section } = this;
    section.begin();
    const problem = this.#decoder.decode(bytes, from, to, section.take);
    if (problem !== "") {
      this.broken(ErrorCode.compression, problem);
      return;
    }
    const stream = this.streams.get(id);
    if (stream === undefined) this.headersArrived(id, section, endStream);
    else if (stream.remoteEnded) this.streamError(id, ErrorCode.streamClosed);
    else stream.laterHeaders(section, endStream);
  }

  /** A header block has begun and is not complete. */
  protected get inBlock(): boolean {
    return this.#block.open;
  }

  #windowUpdate(id: number, bytes: Buffer, from: number, to: number): void {
    if (to - from !== 4) {
      this.broken(ErrorCode.frameSize, "WINDOW_UPDATE does not have 4 octets");
      return;
    }
    if (!this.spend(1)) return;
    const increment = bytes.readUInt32BE(from) & 0x7fff_ffff;
    if (id === 0) {
      this.sendWindow += increment;
      if (increment === 0) this.broken(ErrorCode.protocol, "WINDOW_UPDATE gives nothing");
      else if (this.sendWindow > WINDOW_MAX) this.broken(ErrorCode.flowControl, "a window is too large");
      else this.writers.roomGiven();
      return;
    }
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (this.isIdle(id)) this.broken(ErrorCode.protocol, "WINDOW_UPDATE stands on an idle stream");
      return;
    }
    stream.sendWindow += increment;
    if (increment === 0) this.streamError(id, ErrorCode.protocol);
    else if (stream.sendWindow > WINDOW_MAX) this.streamError(id, ErrorCode.flowControl);
    else stream.roomGiven();
  }

  #resetStream(id: number, bytes: Buffer, from: number, to: number): void {
    if (to - from !== 4) this.broken(ErrorCode.frameSize, "RST_STREAM does not have 4 octets");
    else if (id === 0 || this.isIdle(id))
      this.broken(ErrorCode.protocol, "RST_STREAM stands on an idle stream");
    else {
      const code = bytes.readUInt32BE(from);
      const stream = this.streams.get(id);
      if (stream === undefined) {
        this.spend(1);
        return;
      }
      this.#forget(stream);
      stream.left(new Failure("client_left"), code);
      this.peerReset(code);
      this.settle();
    }
  }

  #settings(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    const ack = (flags & Flag.ack) !== 0;
    if (id !== 0) this.broken(ErrorCode.protocol, "SETTINGS stands on a stream");
    else if (ack ? to !== from : (to - from) % 6 !== 0)
      this.broken(ErrorCode.frameSize, "SETTINGS does not have the length that it must");
    else if (ack) {
      if (this.unacknowledged > 0) this.unacknowledged--;
      else this.spend(1);
    } else if (!this.greeted || this.spend(SETTINGS_COST)) this.#applySettings(bytes, from, to);
  }

  #applySettings(bytes: Buffer, from: number, to: number): void {
    const { remote } = this;
    const { window, headerTable } = remote;
    this.greeted = true;
    for (let at = from; at < to; at += 6) {
      const code = remote.take(bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2));
      if (code === 0) continue;
      this.broken(code, "SETTINGS holds a value that it must not");
      return;
    }
    if (remote.headerTable !== headerTable)
      this.#encoder.setMaxTableBytes(Math.min(remote.headerTable, 4_096));
    this.output.settingsAck();
    this.settingsChanged();
    const change = remote.window - window;
    if (change !== 0) this.#changeWindows(change);
  }

  #changeWindows(change: number): void {
    for (const stream of this.streams.values()) {
      stream.sendWindow += change;
      if (stream.sendWindow <= WINDOW_MAX) continue;
      this.broken(ErrorCode.flowControl, "SETTINGS makes a window too large");
      return;
    }
    if (change > 0) for (const stream of [...this.streams.values()]) stream.roomGiven();
  }

  #ping(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (id !== 0) this.broken(ErrorCode.protocol, "PING stands on a stream");
    else if (to - from !== 8) this.broken(ErrorCode.frameSize, "PING does not have 8 octets");
    else if ((flags & Flag.ack) !== 0) this.pingAnswered(bytes, from);
    else if (this.spend(1)) this.output.ping(true, bytes, from);
  }

  #goAway(id: number, bytes: Buffer, from: number, to: number): void {
    if (id !== 0) this.broken(ErrorCode.protocol, "GOAWAY stands on a stream");
    else if (to - from < 8) this.broken(ErrorCode.frameSize, "GOAWAY has fewer than 8 octets");
    else if (this.spend(1))
      this.peerLeaves(bytes.readUInt32BE(from) & 0x7fff_ffff, bytes.readUInt32BE(from + 4));
  }

  /** Deprecated and not obeyed, but checked (RFC 9113 §6.3). */
  #priority(id: number, length: number): void {
    if (id === 0) this.broken(ErrorCode.protocol, "PRIORITY stands on stream 0");
    else if (length === 5) this.spend(1);
    else if (this.streams.has(id)) this.streamError(id, ErrorCode.frameSize);
    else this.broken(ErrorCode.frameSize, "PRIORITY does not have 5 octets");
  }

  // ---- DATA

  dataBegins(id: number, flags: number, length: number): void {
    if (!this.greeted || this.#block.open || id === 0 || this.isIdle(id)) {
      this.broken(ErrorCode.protocol, "DATA stands where it must not");
      return;
    }
    if (length > this.#receiveWindow) {
      this.broken(ErrorCode.flowControl, "DATA exceeds the window of the connection");
      return;
    }
    this.#receiveWindow -= length;
    this.#dataLength = length;
    this.#dataEnds = (flags & Flag.endStream) !== 0;
    this.#dataStream = undefined;
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (!this.#resetStreams.has(id)) this.streamError(id, ErrorCode.streamClosed);
    } else if (stream.remoteEnded) this.streamError(id, ErrorCode.streamClosed);
    else if (length > stream.receiveWindow) this.streamError(id, ErrorCode.flowControl);
    else {
      stream.receiveWindow -= length;
      this.#dataStream = stream;
      if (length === 0 && !this.#dataEnds) this.spend(1);
    }
  }

  data(bytes: Buffer, from: number, to: number, reused: boolean): void {
    const stream = this.#dataStream;
    if (stream === undefined) return;
    this.#dataLength -= to - from;
    if (stream.closed) this.consumed(to - from);
    else stream.data(bytes, from, to, reused);
  }

  dataEnds(padding: number): void {
    const stream = this.#dataStream;
    this.#dataStream = undefined;
    // What no stream took is not held back from the others.
    if (stream === undefined || stream.closed) this.consumed(this.#dataLength);
    else stream.dataEnds(padding, this.#dataEnds);
  }

  /** So many octets are done with: once there are enough, the peer may send as many more. */
  consumed(octets: number): void {
    this.#unreturned += octets;
    if (this.#unreturned < this.#windowMax >> 1 || this.transport.closed) return;
    this.output.windowUpdate(0, this.#unreturned);
    this.#receiveWindow += this.#unreturned;
    this.#unreturned = 0;
  }

  // ---- sending

  get peerFrameMax(): number {
    return Math.min(this.remote.frameMax, FRAME_MAX);
  }

  /** Sends a header block: names in lower case and values, alternating. */
  sendHeaders(id: number, list: readonly string[], endStream: boolean): void {
    this.output.headers(id, this.#encoder.encode(list), endStream, this.peerFrameMax);
    this.controls.give(CREDIT_PER_FRAME);
  }

  wrote(octets: number, whole: boolean): void {
    if (whole || octets >= CREDIT_FROM) this.controls.give(CREDIT_PER_FRAME);
  }

  drained(): void {
    this.output.drained();
    this.writers.drained();
  }

  // ---- the end of a stream

  /** Refuses what a stream does; whoever stands behind it learns that its peer is gone. */
  protected streamError(id: number, code: number): void {
    this.resetStream(id, code);
    const stream = this.streams.get(id);
    if (stream !== undefined) {
      this.#forget(stream);
      stream.left(new Failure("client_left", "the stream was reset for an error in it"), code);
      this.settle();
    }
    this.peerReset(code);
  }

  /** Sends RST_STREAM; what is still on its way to the stream is thrown away. */
  resetStream(id: number, code: number): void {
    this.output.resetStream(id, code);
    this.#resetStreams.add(id);
  }

  /** We have reset this stream: what still comes on it is not the peer's fault. */
  protected wasReset(id: number): boolean {
    return this.#resetStreams.has(id);
  }

  /** A stream is over. */
  streamOver(stream: Http2Stream): void {
    this.streams.delete(stream.id);
    if (stream.writer !== undefined) this.writers.forget(stream.writer);
    this.settle();
  }

  #forget(stream: Http2Stream): void {
    stream.closed = true;
    this.streams.delete(stream.id);
  }

  /** A stream ended: the connection may have nothing more to do. */
  protected abstract settle(): void;

  /** Every stream ends: the connection is of no use to them any more. */
  protected dropStreams(failure: Failure): void {
    for (const stream of [...this.streams.values()]) {
      this.#forget(stream);
      stream.left(failure, ErrorCode.none);
    }
  }

  /** Nothing that the peer sends can be believed any more: says why and ends the connection (RFC 9113 §5.4.1). */
  broken(code: number, detail: string): void {
    if (this.closing) return;
    this.closing = true;
    this.reader.stopped = true;
    this.output.goAway(this.lastStream, code, detail);
    this.output.flush();
    const failure = new Failure("client_left", detail);
    this.dropStreams(failure);
    this.givenUp(new Failure(code === ErrorCode.enhanceYourCalm ? "http2_flood" : "http2_malformed", detail));
  }

  // ---- the transport

  abstract received(bytes: Buffer, to: number, reused: boolean): boolean;

  abstract ended(): void;

  abstract writeFailed(): void;

  abstract closed(error: string | undefined): void;

  abstract sweep(now: number): void;
}
