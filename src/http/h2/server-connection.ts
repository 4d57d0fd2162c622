import { Failure } from "../../errors/failure.ts";
import { Fields } from "../../lib/fields.ts";
import type { ListenerLimits } from "../../lib/limits.ts";
import type { Reply } from "../../lib/reply.ts";
import { type Peer, RequestHead } from "../../lib/request.ts";
import type { RequestHandler, ServedConnection } from "../server-contract.ts";
import type { Transport } from "../transport.ts";
import { Budget } from "./budget.ts";
import { Http2Connection } from "./connection.ts";
import { Http2Clock } from "./connection-clock.ts";
import type { FieldSection } from "./field-section.ts";
import { announced } from "./frame-output.ts";
import { ErrorCode, PREFACE, STREAM_MAX } from "./protocol.ts";
import { framed, requestOf } from "./request-fields.ts";
import { Http2ServerStream } from "./server-stream.ts";

/** Streams that a client may have reset, or make us reset, at once and a second: work that is begun for nothing. */
const RESETS = 500;
const RESETS_PER_SECOND = 50;

/**
 * Bytes that may wait for a client that does not read before no more is read of it: heads are not under flow control, and
 * it could ask for more and more of them. It is much, since what a reading client says of its windows must be heard.
 */
const UNREAD_MAX = 524_288;

/** The payload of the PING that asks whether a client has read our GOAWAY. */
const LAST_CALL: Buffer = Buffer.from("lastcall");

/** A client's connection that speaks HTTP/2 (RFC 9113): many requests at a time, each on a stream of its own. */
export class Http2ServerConnection extends Http2Connection implements ServedConnection {
  readonly peer: Peer;
  /** @internal */
  readonly handler: RequestHandler;
  readonly #limits: ListenerLimits;
  readonly #scheme: string;
  readonly #clock: Http2Clock;
  readonly #resets = new Budget(RESETS, RESETS_PER_SECOND);
  /** Octets of the preface that came. */
  #preface = 0;
  /** The highest stream that the client has used. */
  #last = 0;
  /** The highest one that is served, once that is settled. */
  #lastServed = STREAM_MAX;
  /** Streams whose request began in this read and whose body may come with it. */
  #beginning: Http2ServerStream[] = [];
  /** No stream is taken any more: the connection closes with the last one. */
  #leaving = false;
  /** Our end waits for what the kernel has not taken. */
  #ending = false;

  constructor(handler: RequestHandler, limits: ListenerLimits, peer: Peer) {
    super(limits, limits.http2, 1);
    this.handler = handler;
    this.#limits = limits;
    this.peer = peer;
    this.#scheme = peer.secure ? "https" : "http";
    this.#clock = new Http2Clock(limits);
  }

  open(transport: Transport): void {
    this.greet(transport, announced(this.#limits.http2.maxStreams, this.ownWindow, this.#limits.head, true));
  }

  // ---- reading

  received(bytes: Buffer, to: number, reused: boolean): boolean {
    if (this.closing) return true;
    let at = 0;
    if (this.#preface < PREFACE.length) {
      at = this.#readPreface(bytes, to);
      if (at === -1) return true;
    }
    this.reader.read(bytes, at, to, reused);
    if (this.#beginning.length > 0) {
      const beginning = this.#beginning;
      this.#beginning = [];
      for (const stream of beginning) stream.begin();
    }
    return this.closing || this.output.waiting < UNREAD_MAX;
  }

  #readPreface(bytes: Buffer, to: number): number {
    let at = 0;
    while (at < to && this.#preface < PREFACE.length) {
      if (bytes[at] !== PREFACE.charCodeAt(this.#preface)) {
        this.broken(ErrorCode.protocol, "the connection does not begin with the preface of HTTP/2");
        return -1;
      }
      at++;
      this.#preface++;
    }
    return at;
  }

  isIdle(id: number): boolean {
    return (id & 1) === 0 || id > this.#last;
  }

  mayOpen(id: number): boolean {
    if ((id & 1) === 0) this.broken(ErrorCode.protocol, "a client's stream has an even number");
    else if (id > this.#last || this.resetStreams.has(id)) return true;
    else this.broken(ErrorCode.streamClosed, "HEADERS stands on a stream that is closed");
    return false;
  }

  headersArrived(id: number, section: FieldSection, endStream: boolean): void {
    if (id <= this.#last) {
      // Of a stream that we reset: nobody wants it, and reading it was work.
      this.spend(1);
      return;
    }
    this.#last = id;
    this.#clock.stirred();
    if (id > this.#lastServed || this.streams.size >= this.#limits.http2.maxStreams) {
      this.resetStream(id, ErrorCode.refusedStream);
      this.peerReset();
      return;
    }
    const head = requestOf(section, this.#limits, this.#scheme, endStream);
    if (head instanceof Failure) this.#refuse(id, head, endStream);
    else this.#begin(id, head, endStream);
  }

  #begin(id: number, head: RequestHead, endStream: boolean): void {
    const stream = new Http2ServerStream(id, this, head, this.#limits);
    this.streams.set(id, stream);
    stream.remoteEnded = endStream;
    if (framed.key !== undefined) stream.expectTunnel(framed.key);
    else if (!endStream) {
      stream.expectBody(framed.length);
      this.#beginning.push(stream);
      return;
    }
    stream.begin();
  }

  /** What no client that speaks HTTP/2 sends is reset; the rest is answered (see `requestOf`). */
  #refuse(id: number, failure: Failure, endStream: boolean): void {
    const reply = this.refused(failure);
    if (failure.code === "request_malformed") {
      this.resetStream(id, ErrorCode.protocol);
      this.peerReset();
      return;
    }
    const method = this.section.pseudo.get(":method") ?? "GET";
    const head = new RequestHead(method, this.#scheme, "", "", "", new Fields());
    const stream = new Http2ServerStream(id, this, head, this.#limits);
    this.streams.set(id, stream);
    stream.remoteEnded = endStream;
    stream.send(reply);
  }

  /** Tells of what never became an exchange; gives the answer to it. */
  refused(failure: Failure): Reply {
    return this.handler.refused(failure, this.peer);
  }

  override peerReset(): void {
    if (!this.#resets.take(1)) this.broken(ErrorCode.enhanceYourCalm, "too many streams are reset");
  }

  /** A client that leaves opens no streams any more: what is under way is answered. */
  peerLeaves(): void {
    this.#leave();
  }

  // ---- the end

  protected get lastStream(): number {
    return Math.min(this.#last, this.#lastServed);
  }

  /**
   * No new stream is taken. First the client is told that this will be so, and asked whether it knows; then, once it
   * answers or the time is up, which stream was the last (RFC 9113 §6.8).
   */
  stop(lingerMs: number): void {
    for (const stream of this.streams.values()) (stream as Http2ServerStream).stop();
    this.retire(lingerMs);
  }

  retire(lingerMs: number): void {
    if (this.closing || this.#leaving || this.transport.closed) return;
    if (lingerMs <= 0) {
      this.#leave();
      return;
    }
    this.output.goAway(STREAM_MAX, ErrorCode.none, "");
    this.output.ping(false, LAST_CALL, 0);
    this.#clock.lastCallIn(lingerMs);
  }

  override pingAnswered(bytes: Buffer, from: number): boolean {
    if (!this.#clock.awaitsLastCall || LAST_CALL.compare(bytes, from, from + LAST_CALL.length) !== 0)
      return false;
    this.#leave();
    return true;
  }

  /** From here on no stream is taken. */
  #leave(): void {
    if (this.#leaving || this.closing) return;
    this.#leaving = true;
    this.#clock.lastCalled();
    this.#lastServed = this.#last;
    this.output.goAway(this.#last, ErrorCode.none, "");
    this.settle();
  }

  settle(): void {
    this.#clock.stirred();
    if (this.streams.size > 0 || this.closing || !this.#leaving) return;
    this.closing = true;
    this.#linger();
  }

  protected givenUp(failure: Failure): void {
    this.refused(failure);
    this.#linger();
  }

  /** Sends our end, then reads on for a while: closing with bytes unread would take our last frames back. */
  #linger(): void {
    this.output.end();
    if (this.transport.closed) return;
    this.transport.endWrite();
    if (this.transport.busy) this.#ending = true;
    else this.#clock.linger();
  }

  override drained(): void {
    super.drained();
    this.transport.resume();
    if (!this.#ending) return;
    this.#ending = false;
    this.#clock.linger();
  }

  /** Without its side no stream could go on for long: it gives no room, and cannot say that it leaves. */
  ended(): void {
    if (!this.#ending) this.transport.destroy();
  }

  /** Closes at once. */
  destroy(): void {
    this.transport.destroy();
  }

  writeFailed(): void {
    this.transport.destroy();
  }

  closed(): void {
    this.closing = true;
    this.reader.stopped = true;
    this.dropStreams(new Failure("client_left"));
    this.handler.closed(this);
  }

  sweep(now: number): void {
    this.controls.refill(now);
    this.#resets.refill(now);
    const state = {
      unfinished: !this.greeted || this.inBlock,
      inFrame: this.reader.inFrame,
      frames: this.reader.frames,
      unacknowledged: this.unacknowledged,
      streams: this.streams.size,
      backlog: this.transport.backlog,
    };
    switch (this.#clock.look(now, state)) {
      case "destroy":
        this.transport.destroy();
        break;
      case "late":
        this.#late();
        break;
      case "unacknowledged":
        this.broken(ErrorCode.settingsTimeout, "SETTINGS was not acknowledged in time");
        break;
      case "idle":
      case "last call":
        this.#leave();
        break;
      default:
        for (const stream of [...this.streams.values()]) stream.look(now, this.#clock.elapsed);
    }
  }

  /** Nothing complete came in time; who never sent a byte leaves as quietly as it came. */
  #late(): void {
    if (this.#preface === 0) this.transport.destroy();
    else this.broken(ErrorCode.protocol, "a frame took too long to arrive");
  }
}
