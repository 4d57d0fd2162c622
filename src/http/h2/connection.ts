import { Failure } from "../../errors/failure.ts";
import type { HeadLimits } from "../../lib/limits.ts";
import type { Transport, TransportOwner } from "../transport.ts";
import { ControlBudget } from "./control-budget.ts";
import { ControlFrames } from "./control-frames.ts";
import type { FieldSection } from "./field-section.ts";
import { FrameOutput } from "./frame-output.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import { HeaderFrames } from "./header-frames.ts";
import { HpackEncoder } from "./hpack/encoder.ts";
import { IncomingData } from "./incoming-data.ts";
import { ErrorCode, Flag, FRAME_MAX, FrameType, WINDOW_INITIAL } from "./protocol.ts";
import { ResetStreams } from "./reset-streams.ts";
import { PeerSettings } from "./settings.ts";
import { SettingsFrames } from "./settings-frames.ts";
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

/**
 * One connection, whichever side opened it: its streams, windows and ends (RFC 9113 §4–§6). What each frame asks for stands
 * with its kind: `HeaderFrames`, `IncomingData`, `SettingsFrames`, `ControlFrames`. What a message is, its side knows.
 */
export abstract class Http2Connection implements TransportOwner, FrameSink, SendingSide {
  protected transport!: Transport;
  output!: FrameOutput;
  readonly streams: Map<number, Http2Stream> = new Map();
  /** The streams that we have reset. */
  readonly resetStreams: ResetStreams = new ResetStreams();
  readonly remote: PeerSettings;
  readonly ownWindow: number;
  sendWindow: number = WINDOW_INITIAL;
  readonly writers: WaitingWriters = new WaitingWriters(this);
  readonly incoming: IncomingData;
  protected readonly controls: ControlBudget = new ControlBudget();
  protected readonly reader: FrameReader;
  readonly #encoder = new HpackEncoder();
  readonly #headers: HeaderFrames;
  readonly #settings: SettingsFrames = new SettingsFrames(this, this.#encoder);
  readonly #control: ControlFrames = new ControlFrames(this);
  /** The first SETTINGS came. */
  greeted = false;
  /** Nothing that arrives matters any more. */
  closing = false;

  /** @param pushMax what SETTINGS_ENABLE_PUSH of the peer may be; see `PeerSettings` */
  constructor(limits: HeadLimits, windows: WindowOptions, pushMax: 0 | 1) {
    this.remote = new PeerSettings(pushMax);
    this.ownWindow = Math.max(WINDOW_INITIAL, windows.streamWindow);
    this.#headers = new HeaderFrames(this, limits);
    this.incoming = new IncomingData(this, Math.max(WINDOW_INITIAL, windows.connectionWindow));
    this.reader = new FrameReader(this, this.incoming);
  }

  /** Sends our SETTINGS and the window of the connection. */
  protected greet(transport: Transport, settings: readonly number[], preface = ""): void {
    this.transport = transport;
    this.output = new FrameOutput(transport);
    if (preface !== "") this.output.raw(preface);
    this.#settings.send(settings);
    this.incoming.announce();
  }

  // ---- what a side must know

  /** No stream of this number was ever opened. */
  abstract isIdle(id: number): boolean;

  /** A header block for a stream that is not open; `section` holds its fields. */
  abstract headersArrived(id: number, section: FieldSection, endStream: boolean): void;

  /** Whether a header block may begin on a stream that is not open; false after having refused it. */
  abstract mayOpen(id: number): boolean;

  /** The peer will open no more streams, and has not seen those of ours behind `lastStream`. */
  abstract peerLeaves(lastStream: number, code: number): void;

  /** A PING was answered; false: it is none of ours, or was answered before. */
  abstract pingAnswered(bytes: Buffer, from: number): boolean;

  /** The peer's SETTINGS are in force. */
  settingsChanged(): void {}

  /** The peer reset a stream, or did what made us reset it. */
  peerReset(_code: number): void {}

  /** A stream ended: the connection may have nothing more to do. */
  abstract settle(): void;

  /** The connection is of no use: GOAWAY was written and no stream is left. */
  protected abstract givenUp(failure: Failure): void;

  /** The last stream that was taken up, for GOAWAY. */
  protected abstract get lastStream(): number;

  // ---- what arrives

  frame(type: number, flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (!this.greeted && (type !== FrameType.settings || (flags & Flag.ack) !== 0)) {
      this.broken(ErrorCode.protocol, "the first frame is not SETTINGS");
      return;
    }
    const { block } = this.#headers;
    if (block.open && (type !== FrameType.continuation || id !== block.stream)) {
      this.broken(ErrorCode.protocol, "another frame stands within a header block");
      return;
    }
    switch (type) {
      case FrameType.headers:
        this.#headers.headers(flags, id, bytes, from, to);
        break;
      case FrameType.continuation:
        this.#headers.continuation(flags, bytes, from, to);
        break;
      case FrameType.windowUpdate:
        this.#control.windowUpdate(id, bytes, from, to);
        break;
      case FrameType.resetStream:
        this.#control.resetStream(id, bytes, from, to);
        break;
      case FrameType.settings:
        this.#settings.settings(flags, id, bytes, from, to);
        break;
      case FrameType.ping:
        this.#control.ping(flags, id, bytes, from, to);
        break;
      case FrameType.goAway:
        this.#control.goAway(id, bytes, from, to);
        break;
      case FrameType.pushPromise:
        this.broken(ErrorCode.protocol, "PUSH_PROMISE was not allowed");
        break;
      case FrameType.priority:
        this.#control.priority(id, to - from);
        break;
      default:
        // Of an extension that we do not know (RFC 9113 §4.1).
        this.spend(1);
    }
  }

  /** Takes from the budget of frames that only control; false when the connection ended over it. */
  spend(amount: number): boolean {
    const calm = this.controls.allows(amount, this.output.answers);
    if (!calm) this.broken(ErrorCode.enhanceYourCalm, "too many frames that ask and give nothing");
    return calm;
  }

  /** A header block has begun and is not complete. */
  get inBlock(): boolean {
    return this.#headers.block.open;
  }

  /** The fields of the header block that was read last. */
  protected get section(): FieldSection {
    return this.#headers.section;
  }

  /** SETTINGS of ours wait for their acknowledgement. */
  protected get unacknowledged(): boolean {
    return this.#settings.unacknowledged > 0;
  }

  // ---- sending

  get peerFrameMax(): number {
    return Math.min(this.remote.frameMax, FRAME_MAX);
  }

  /** Sends a header block: names in lower case and values, alternating. */
  sendHeaders(id: number, list: readonly string[], endStream: boolean): void {
    this.output.headers(id, this.#encoder.encode(list), endStream, this.peerFrameMax);
    this.controls.wroteHeaders();
  }

  wrote(octets: number, whole: boolean): void {
    this.controls.wroteData(octets, whole);
  }

  drained(): void {
    this.output.drained();
    this.writers.drained();
  }

  // ---- the end of a stream

  /** Refuses what a stream does; whoever stands behind it learns that its peer is gone. */
  streamError(id: number, code: number): void {
    this.resetStream(id, code);
    const stream = this.streams.get(id);
    if (stream !== undefined) {
      this.forget(stream);
      stream.left(new Failure("client_left", "the stream was reset for an error in it"), code);
      this.settle();
    }
    this.peerReset(code);
  }

  /** Sends RST_STREAM; what is still on its way to the stream is thrown away. */
  resetStream(id: number, code: number): void {
    this.output.resetStream(id, code);
    this.resetStreams.add(id, this.streams.get(id)?.receiveWindow ?? this.ownWindow);
  }

  /** A stream is over. */
  streamOver(stream: Http2Stream): void {
    this.streams.delete(stream.id);
    if (stream.writer !== undefined) this.writers.forget(stream.writer);
    this.settle();
  }

  /** The peer gave the stream up: it is not in the books any more. */
  forget(stream: Http2Stream): void {
    stream.closed = true;
    this.streams.delete(stream.id);
  }

  /** Every stream ends: the connection is of no use to them any more. */
  protected dropStreams(failure: Failure): void {
    for (const stream of [...this.streams.values()]) {
      this.forget(stream);
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
