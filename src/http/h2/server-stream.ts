import { Failure } from "../../errors/failure.ts";
import { type BodyFailure, HeldBody } from "../../lib/body.ts";
import type { Fields } from "../../lib/fields.ts";
import type { ListenerLimits } from "../../lib/limits.ts";
import type { Reply } from "../../lib/reply.ts";
import type { DownstreamEvents, Peer, RequestHead } from "../../lib/request.ts";
import { BodyPace } from "../body-pace.ts";
import type { ServerDownstream } from "../server-contract.ts";
import { ServerTunnel } from "../server-tunnel.ts";
import { trailersOf } from "./client-head.ts";
import type { FieldSection } from "./field-section.ts";
import { COPIED_MAX } from "./frame-output.ts";
import { ErrorCode } from "./protocol.ts";
import { composed, informationalFields, replyFields, tunnelFields } from "./reply-fields.ts";
import type { Http2ServerConnection } from "./server-connection.ts";
import { Http2Stream } from "./stream.ts";
import { StreamBody } from "./stream-body.ts";
import { StreamWriter } from "./stream-writer.ts";
import { acceptOf } from "./websocket-key.ts";

/** For so long a tunnel whose client was told to go may stay, in milliseconds. */
const TUNNEL_LEAVES = 2_000;

/** A client's request and our answer to it: one stream of its connection. */
export class Http2ServerStream extends Http2Stream implements ServerDownstream {
  readonly #server: Http2ServerConnection;
  readonly #head: RequestHead;
  readonly #limits: ListenerLimits;
  #events: DownstreamEvents | undefined = undefined;
  #tunnel: ServerTunnel | undefined = undefined;
  /** The key that we made for a tunnel's handshake. */
  #key: string | undefined = undefined;
  #answering = false;
  #answered = false;
  /** Octets of an answer that was written without a writer. */
  #bytes = 0;
  #pace: BodyPace | undefined = undefined;
  /** Octets that were written when it was last looked at, and since when no more are taken. */
  #written = 0;
  #stalledSince = 0;
  /** A tunnel whose client was told to go ends then, in milliseconds of the sweeper's clock. */
  #endsAt = 0;
  #leaves: number | undefined = undefined;
  /** With which the stream ends when the request has not. */
  #lastCode: number = ErrorCode.none;

  constructor(id: number, connection: Http2ServerConnection, head: RequestHead, limits: ListenerLimits) {
    super(id, connection);
    this.#server = connection;
    this.#head = head;
    this.#limits = limits;
  }

  get peer(): Peer {
    return this.#server.peer;
  }

  /** The request's body is about to arrive. */
  expectBody(length: number | undefined): void {
    this.body = new StreamBody(this, length);
  }

  /** The request asks for a tunnel; the key stands in its handshake towards the service. */
  expectTunnel(key: string): void {
    this.#key = key;
    this.body = new StreamBody(this, undefined);
    // A client may have nothing to say to the service (RFC 9113 §8.5): its side is over from the start.
    if (this.remoteEnded) this.body.end(undefined);
  }

  /** Gives the request to the handler, with its body where there is one: whole, when it has all arrived. */
  begin(): void {
    if (this.closed) return;
    const head = this.#head;
    if (this.body !== undefined && this.#key === undefined) head.body = this.body.whole() ?? this.body;
    this.#server.handler.request(head, this);
  }

  attach(events: DownstreamEvents): void {
    this.#events = events;
  }

  // ---- what arrives

  laterHeaders(section: FieldSection, endStream: boolean): void {
    const trailers = trailersOf(section);
    if (!endStream || this.#key !== undefined || trailers instanceof Failure) {
      this.#malformed("the trailers are not well-formed");
      return;
    }
    this.endIncoming(trailers);
    if (this.body?.contradicts) this.contradicted();
  }

  contradicted(): void {
    this.#malformed("the body is longer or shorter than Content-Length says");
  }

  /** The request is malformed though its head was not: it has no end, and its stream is reset (RFC 9113 §8.1.1). */
  #malformed(detail: string): void {
    const failure = new Failure("body_malformed", detail);
    if (this.#events === undefined && !this.#answering) this.#server.refused(failure);
    this.#lastCode = ErrorCode.protocol;
    // Whoever reads the body may answer at once.
    this.body?.fail(failure);
    if (!this.closed) {
      const events = this.#take();
      this.cut(ErrorCode.protocol);
      this.writer?.abandon();
      this.#tunnel?.closed();
      events?.sent(false, this.writer?.written ?? 0, failure.code);
    }
    // Who makes us reset what is under way costs as much as who resets it himself.
    this.connection.peerReset(ErrorCode.protocol);
  }

  protected override endIncoming(trailers: Fields | undefined): void {
    super.endIncoming(trailers);
    this.#tunnel?.incomingEnded();
    if (this.localEnded) this.finish();
  }

  bodyDropped(): void {}

  left(failure: Failure): void {
    this.#end(failure, this.#take());
  }

  #take(): DownstreamEvents | undefined {
    const events = this.#events;
    this.#events = undefined;
    return events;
  }

  /** The stream is gone; whoever has a part in it learns so. */
  #end(failure: Failure, events: DownstreamEvents | undefined): void {
    this.writer?.abandon();
    this.body?.fail(failure);
    this.#tunnel?.closed();
    events?.left(this.writer?.written ?? 0);
  }

  // ---- what leaves

  informational(status: number, fields: Fields): void {
    if (this.closed || this.#answering) return;
    this.sendHeaders(informationalFields(status, fields), false);
  }

  send(reply: Reply): void {
    if (this.closed || this.#answering) return;
    this.#answering = true;
    if (reply.tunnel !== undefined) {
      this.#open(reply);
      return;
    }
    const list = replyFields(reply, this.#head.method);
    const { sendsBody, length } = composed;
    if (!sendsBody) reply.discard();
    this.sendHeaders(list, !sendsBody);
    if (!sendsBody) {
      this.messageWritten();
      return;
    }
    const body = reply.body!;
    if (body instanceof HeldBody && this.#writeAtOnce(body)) return;
    this.writer = new StreamWriter(this, this.connection, length);
    this.writer.write(body);
  }

  /** The usual small answer: one frame behind the head, with nobody to wait for. False when it is not so. */
  #writeAtOnce({ content, trailers }: HeldBody): boolean {
    const { connection } = this;
    const { length } = content;
    const room = Math.min(this.sendWindow, connection.sendWindow, COPIED_MAX);
    if (trailers !== undefined || length > room || connection.output.full) return false;
    connection.output.data(this.id, content, 0, length, true);
    this.sendWindow -= length;
    connection.sendWindow -= length;
    connection.wrote(length, true);
    this.#bytes = length;
    this.messageWritten();
    return true;
  }

  /** Sends a reply of ours to what never became an exchange. */
  refuse(reply: Reply): void {
    this.send(reply);
  }

  #open(reply: Reply): void {
    const tunnel = reply.tunnel!;
    if (this.#key === undefined || reply.fields.get("sec-websocket-accept") !== acceptOf(this.#key)) {
      this.#answering = false;
      reply.discard();
      this.send(this.#server.refused(new Failure("upgrade_unasked", "the service did not take up the key")));
      return;
    }
    this.sendHeaders(tunnelFields(reply), false);
    const writer = new StreamWriter(this, this.connection, undefined);
    this.writer = writer;
    this.#tunnel = new ServerTunnel(tunnel, this.body!, writer, NO_END, () => this.#over(true));
    this.#tunnel.start();
    if (this.remoteEnded) this.#tunnel.incomingEnded();
    if (this.#leaves !== undefined) this.goAway(this.#leaves);
  }

  messageWritten(): void {
    this.localEnded = true;
    if (this.#tunnel !== undefined) this.#tunnel.outgoingEnded();
    else this.#over(true);
  }

  messageCut(failure: BodyFailure): void {
    this.#over(false, failure.code);
    this.cut(ErrorCode.internal);
    this.body?.fail(new Failure(failure.code, failure.detail));
    this.#tunnel?.closed();
  }

  /** The exchange is over: its answer is out, or cut. */
  #over(complete: boolean, failure?: string): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#take()?.sent(complete, this.writer?.written ?? this.#bytes, failure);
    if (!complete || this.closed) return;
    // All of it may be here without anybody having asked for it: its room is given back.
    if (this.body?.untouched) this.body.cancel();
    if (this.remoteEnded && this.#lastCode === ErrorCode.none) this.finish();
    else {
      // The answer is whole and the request is not: the rest of it is not wanted (RFC 9113 §8.1).
      this.cut(this.#lastCode);
      this.body?.cancel();
    }
  }

  // ---- the end

  reset(): void {
    if (this.closed) return;
    this.cut(ErrorCode.internal);
    const events = this.#take();
    queueMicrotask(() => this.#end(new Failure("client_left"), events));
  }

  /** The server stops: a tunnel is told to go, at once or after its own time. */
  stop(): void {
    const goes = (): void => this.goAway(TUNNEL_LEAVES);
    if (this.#tunnel?.stays(goes) !== true) goes();
  }

  goAway(graceMs: number, code?: number, reason?: string): void {
    this.#leaves = graceMs;
    if (this.#tunnel === undefined) return;
    this.#tunnel.goAway(code, reason);
    this.#endsAt = performance.now() + graceMs;
  }

  look(now: number, elapsed: number): void {
    if (this.#endsAt !== 0 && now >= this.#endsAt) this.#giveUp(new Failure("client_left"));
    else if (this.writer?.stalled) this.#lookAtWriter(now, this.writer.written);
    else {
      this.#stalledSince = 0;
      this.#lookAtBody(elapsed);
    }
  }

  /** The client does not take what waits for it. */
  #lookAtWriter(now: number, written: number): void {
    if (this.#stalledSince === 0 || written !== this.#written) {
      this.#written = written;
      this.#stalledSince = now;
    } else if (now - this.#stalledSince >= this.#limits.idleTimeout)
      this.#giveUp(new Failure("client_left", "the client gave no room"));
  }

  /** A body that nobody hurries: until the answer has begun, and not that of a call of gRPC, which may be silent for long. */
  #lookAtBody(elapsed: number): void {
    const { body } = this;
    if (body === undefined || body.done || body.blocked || body.untouched) return;
    if (this.#answering || this.#tunnel !== undefined || this.#isCall) return;
    this.#pace ??= new BodyPace(this.#limits.bodyRate);
    if (!this.#pace.isTooSlow(elapsed, body.received)) return;
    body.fail(new Failure("body_too_slow"));
  }

  get #isCall(): boolean {
    return this.#head.fields.get("content-type")?.startsWith("application/grpc") === true;
  }

  #giveUp(failure: Failure): void {
    const events = this.#take();
    this.cut(ErrorCode.cancel);
    this.#end(failure, events);
  }
}

/** A stream's end is a flag of its last frame. */
const NO_END = { endWrite: (): void => {} };
