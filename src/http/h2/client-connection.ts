import { Failure } from "../../errors/failure.ts";
import type { Outgoing } from "../../lib/outgoing.ts";
import type { Carrier, ClientTimeouts } from "../client-contract.ts";
import { handshakeFailure, isTlsAlert } from "../tls-failure.ts";
import type { Transport } from "../transport.ts";
import type { Http2ClientOptions, Http2ClientOwner } from "./client-contract.ts";
import { requestList } from "./client-request.ts";
import { Http2ClientStream } from "./client-stream.ts";
import { Http2Connection } from "./connection.ts";
import type { FieldSection } from "./field-section.ts";
import { ErrorCode, PREFACE, Setting, STREAM_MAX } from "./protocol.ts";

/** Octets of an answer that may be under way or wait here; all streams together are not bounded further. */
const STREAM_WINDOW = 262_144;

/** After so long without a word while a stream waits, the service is asked whether it is there; in milliseconds. */
const PING_AFTER = 10_000;
const PING_WAIT = 10_000;
const PING: Buffer = Buffer.from("liveness");

const UNREADY = "the service closed the connection before its settings";

/** A connection to one endpoint that speaks HTTP/2 (RFC 9113): many requests at a time, each on a stream of its own. */
export class Http2ClientConnection extends Http2Connection {
  readonly #owner: Http2ClientOwner;
  readonly #options: Http2ClientOptions;
  readonly #scheme: string;
  #nextId = 1;
  #served = 0;
  /** Its service said that it takes no more streams. */
  #retired = false;
  #gone = false;
  #ready = false;
  /** SETTINGS came: what they change is looked at once the bytes at hand are read. */
  #newSettings = false;
  /** Streams whose final head was read. */
  #unsettled: Http2ClientStream[] = [];
  /** Reads so far: whether anything came is seen by it. */
  heard = 0;
  #heardAtLook = 0;
  /** When something was heard last, as far as looks tell. */
  #quietSince = 0;
  #pinged = false;
  #idleSince = 0;
  #greetedAt = 0;

  constructor(owner: Http2ClientOwner, transport: Transport, options: Http2ClientOptions) {
    // Readers that are slow must not keep the others' answers back.
    const connectionWindow = STREAM_WINDOW * options.streams;
    super(options.limits, { streamWindow: STREAM_WINDOW, connectionWindow }, 0);
    this.#owner = owner;
    this.#options = options;
    this.#scheme =
      (transport.socket as { readonly encrypted?: boolean }).encrypted === true ? "https" : "http";
    transport.giveTo(this);
    const settings = [Setting.enablePush, 0, Setting.initialWindowSize, this.ownWindow];
    settings.push(Setting.maxHeaderListSize, options.limits.head);
    this.greet(transport, settings, PREFACE);
  }

  get timeouts(): ClientTimeouts {
    return this.#options.timeouts;
  }

  /** Streams under way. */
  get active(): number {
    return this.streams.size;
  }

  /** It takes one more stream. */
  get hasRoom(): boolean {
    return this.#ready && !this.closing && !this.#retired && this.active < this.#most;
  }

  get #most(): number {
    return Math.min(this.#options.streams, this.remote.maxStreams);
  }

  /** A stream for one request, which is sent at once. */
  take(): Carrier {
    const stream = new Http2ClientStream(this.#nextId, this);
    this.#nextId += 2;
    if (this.#nextId >= STREAM_MAX) this.#retire();
    return stream;
  }

  /** Opens a stream with the head of its request; `last`: nothing follows. False: the connection takes no more. */
  begin(stream: Http2ClientStream, request: Outgoing, host: string, last: boolean): boolean {
    if (this.closing || this.#gone || this.transport.closed) return false;
    this.#idleSince = 0;
    this.streams.set(stream.id, stream);
    stream.sendHeaders(requestList(request, host, this.#scheme), last);
    return true;
  }

  /** The stream's answer is told once the bytes at hand are read. */
  settleLater(stream: Http2ClientStream): void {
    this.#unsettled.push(stream);
  }

  // ---- what arrives

  received(bytes: Buffer, to: number, reused: boolean): boolean {
    if (this.closing) return true;
    this.heard++;
    this.reader.read(bytes, 0, to, reused);
    const unsettled = this.#unsettled;
    if (unsettled.length > 0) {
      this.#unsettled = [];
      for (const stream of unsettled) stream.settle();
    }
    if (this.#newSettings) this.#takeSettings();
    return true;
  }

  override settingsChanged(): void {
    this.#newSettings = true;
  }

  #takeSettings(): void {
    this.#newSettings = false;
    if (this.#gone) return;
    if (this.#ready) this.#owner.freed(this);
    else {
      this.#ready = true;
      this.#owner.ready(this, this.#most);
    }
  }

  isIdle(id: number): boolean {
    return id >= this.#nextId || (id & 1) === 0;
  }

  mayOpen(id: number): boolean {
    if (!this.isIdle(id)) return true;
    this.broken(ErrorCode.protocol, "HEADERS stands on a stream that was not opened");
    return false;
  }

  headersArrived(id: number, _section: FieldSection, _endStream: boolean): void {
    if (this.resetStreams.has(id)) this.spend(1);
    else this.streamError(id, ErrorCode.streamClosed);
  }

  peerLeaves(lastStream: number, code: number): void {
    this.#retire();
    // RFC 9113 §6.8: what stands behind the last was not looked at.
    const failure = new Failure("stream_refused", `the service closes the connection (${code})`);
    for (const stream of [...this.streams.values()]) {
      if (stream.id <= lastStream) continue;
      this.streams.delete(stream.id);
      stream.closed = true;
      stream.left(failure, ErrorCode.refusedStream);
    }
    this.settle();
  }

  #retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    if (this.#ready) this.#owner.retired(this);
  }

  override pingAnswered(): boolean {
    const asked = this.#pinged;
    this.#pinged = false;
    return asked;
  }

  protected get lastStream(): number {
    return 0;
  }

  // ---- the end

  settle(): void {
    this.#served++;
    if (this.closing || this.#gone) return;
    if (this.#retired) {
      if (this.active === 0) this.close();
    } else if (this.#ready) this.#owner.freed(this);
  }

  protected givenUp(failure: Failure): void {
    this.#leave(new Failure("connect_failed", failure.detail));
    this.transport.destroy();
  }

  /** Closes it; requests that are under way fail. */
  close(): void {
    if (this.#gone) return;
    this.closing = true;
    this.output.goAway(0, ErrorCode.none, "");
    this.output.flush();
    this.#lose(undefined);
    this.transport.destroy();
  }

  ended(): void {
    this.#lose(undefined);
    this.transport.destroy();
  }

  writeFailed(): void {
    this.transport.destroy();
  }

  closed(error: string | undefined): void {
    this.#lose(error);
  }

  #lose(error: string | undefined): void {
    this.closing = true;
    // With TLS 1.3 a service that refuses our certificate says so only after the handshake.
    const refused = isTlsAlert(error) ? handshakeFailure(error) : new Failure("connect_failed", UNREADY);
    this.#leave(refused);
    const code = this.#served > 0 ? "connection_reused_closed" : "response_cut";
    this.dropStreams(new Failure(code, error));
  }

  /** The pool need not count on it any more. */
  #leave(unready: Failure): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#owner.gone(this, this.#ready ? undefined : unready);
  }

  // ---- time

  sweep(now: number): void {
    this.controls.refill(now);
    if (this.closing) return;
    if (!this.#ready) {
      this.#lookAtGreeting(now);
      return;
    }
    if (this.active === 0) {
      this.#lookAtIdleness(now);
      return;
    }
    let waits = false;
    for (const stream of [...this.streams.values()] as Http2ClientStream[]) {
      waits ||= stream.waits;
      stream.look(now);
    }
    if (waits) this.#lookAtSilence(now);
    else this.#quietSince = 0;
  }

  #lookAtGreeting(now: number): void {
    const { connect } = this.#options.timeouts;
    if (this.#greetedAt === 0) this.#greetedAt = now;
    if (connect === 0 || now - this.#greetedAt < connect) return;
    this.closing = true;
    this.#leave(new Failure("connect_timeout", "the service's settings did not come"));
    this.transport.destroy();
  }

  #lookAtIdleness(now: number): void {
    if (this.#idleSince === 0) this.#idleSince = now;
    if (now - this.#idleSince >= this.#options.keepAlive) this.close();
  }

  /** A service that is gone without a word is found out before the answer's time is up. */
  #lookAtSilence(now: number): void {
    if (this.heard !== this.#heardAtLook || this.#quietSince === 0) {
      this.#heardAtLook = this.heard;
      this.#quietSince = now;
      this.#pinged = false;
      return;
    }
    const quiet = now - this.#quietSince;
    if (quiet >= PING_AFTER + PING_WAIT && this.#pinged) {
      this.#leave(new Failure("connect_failed"));
      this.closing = true;
      this.dropStreams(new Failure("response_cut", "the service does not answer a PING"));
      this.transport.destroy();
    } else if (quiet >= PING_AFTER && !this.#pinged) {
      this.#pinged = true;
      this.output.ping(false, PING, 0);
    }
  }
}
