import { Failure } from "../errors/failure.ts";
import { type BodyFailure, HeldBody } from "../lib/body.ts";
import type { Fields } from "../lib/fields.ts";
import type { ListenerLimits } from "../lib/limits.ts";
import type { Reply } from "../lib/reply.ts";
import type { DownstreamEvents, Peer, RequestHead } from "../lib/request.ts";
import { BodyWriter, type WriterOwner } from "./body-writer.ts";
import { Http2ServerConnection } from "./h2/server-connection.ts";
import { IncomingBody, type IncomingOwner, REQUEST_BODY } from "./incoming-body.ts";
import { composed, composeReplyHead, composeSwitchHead, informationalHead } from "./reply-head.ts";
import { type IntakeOwner, RequestIntake } from "./request-intake.ts";
import { read } from "./request-reader.ts";
import { ServerClock } from "./server-clock.ts";
import type { RequestHandler, ServedConnection, ServerDownstream } from "./server-contract.ts";
import { ServerTunnel } from "./server-tunnel.ts";
import type { Transport } from "./transport.ts";

/** For so long a tunnel whose client was told to go may stay, in milliseconds. */
const TUNNEL_LEAVES = 2_000;

/** A client's connection: reads one request after the other, answers them in their order (RFC 9112 §9.3). */
export class ServerConnection
  implements ServerDownstream, ServedConnection, IncomingOwner, WriterOwner, IntakeOwner
{
  readonly peer: Peer;
  readonly #handler: RequestHandler;
  readonly #limits: ListenerLimits;
  readonly #intake: RequestIntake;
  readonly #clock: ServerClock;
  #transport!: Transport;
  #events: DownstreamEvents | undefined = undefined;
  #body: IncomingBody | undefined = undefined;
  #writer: BodyWriter | undefined = undefined;
  #tunnel: ServerTunnel | undefined = undefined;
  #head: RequestHead | undefined = undefined;
  #persistent = true;
  /** An exchange is under way. */
  #busy = false;
  /** Its answer has begun. */
  #answering = false;
  /** Its answer is out, but perhaps not all in the kernel's hands. */
  #answered = false;
  /** Bytes of the body of an answer that was written without a writer. */
  #bytes = 0;
  /** Nothing more is served. */
  #closing = false;
  /** The client will send no more; what it sent is answered. */
  #peerEnded = false;
  /** What is answered from here on is the last; a tunnel has so many milliseconds. */
  #leaves: number | undefined = undefined;
  /** A tunnel may go on all the same. */
  #retires = false;

  constructor(handler: RequestHandler, limits: ListenerLimits, peer: Peer) {
    this.#handler = handler;
    this.#limits = limits;
    this.peer = peer;
    this.#intake = new RequestIntake(this, limits, peer.secure ? "https" : "http");
    this.#clock = new ServerClock(limits);
  }

  /** Called once, right after the transport was made for this connection. */
  open(transport: Transport): void {
    this.#transport = transport;
  }

  attach(events: DownstreamEvents): void {
    this.#events = events;
  }

  /** No exchange is under way and one may begin. */
  get free(): boolean {
    return !this.#busy && !this.#closing;
  }

  received(bytes: Buffer, to: number, reused: boolean): boolean {
    this.#clock.stirred();
    if (this.#closing && !this.#busy) return true;
    const body = this.#body;
    if (body !== undefined && !body.done && body.failure === undefined) {
      const end = body.push(bytes, 0, to, reused);
      if (end < to && !this.#closing) this.#intake.keep(bytes, end, to);
      // The answer may have gone out as the body ended: what came behind it is the next request.
      if (this.free) this.#intake.proceed();
      return this.#mayRead();
    }
    if (this.#closing) return true;
    if (this.#busy) this.#intake.keep(bytes, 0, to);
    else this.#intake.take(bytes, to);
    return this.#mayRead();
  }

  begin(head: RequestHead, bytes: Buffer, from: number, to: number): number {
    this.#persistent = read.persistent && this.#leaves === undefined;
    this.#head = head;
    let at = from;
    if (read.framing !== 0) {
      const body = new IncomingBody(this, this.#transport, read.framing, this.#limits, REQUEST_BODY);
      at = body.begin(head, bytes, from, to);
      if (body.failure !== undefined) {
        this.refuse(body.failure, head.method === "HEAD");
        return to;
      }
      if (!body.done) this.#body = body;
    }
    this.#busy = true;
    this.#clock.began();
    this.#handler.request(head, this);
    return at;
  }

  becameHttp2(bytes: Buffer, from: number, to: number): boolean {
    const { secure } = this.peer;
    if (secure || !this.#limits.http2.cleartext) return false;
    this.#closing = true;
    const next = new Http2ServerConnection(this.#handler, this.#limits, this.peer);
    this.#transport.giveTo(next);
    next.open(this.#transport);
    this.#handler.became(this, next);
    next.received(bytes.subarray(from, to), to - from, true);
    return true;
  }

  #mayRead(): boolean {
    if (this.#body?.blocked) return false;
    return !this.#busy || !this.#intake.full;
  }

  bodyRead(): void {
    if (this.#tunnel !== undefined) this.#tunnel.incomingEnded();
    else if (!this.#busy && this.#closing) this.#transport.destroy();
  }

  /** The rest is read and thrown away: the answer decides what becomes of the connection. */
  bodyDropped(): void {}

  bodyBroken(): void {
    this.#persistent = false;
    this.#closing = true;
  }

  ended(): void {
    this.#peerEnded = true;
    if (this.#busy) this.#body?.peerEnded();
    else this.#transport.destroy();
  }

  informational(status: number, fields: Fields): void {
    if (this.#head?.version === 10 || this.#answering || !this.#busy) return;
    this.#transport.write(informationalHead(status, fields));
  }

  send(reply: Reply): void {
    const head = this.#head;
    if (!this.#busy || this.#answering || head === undefined || this.#transport.closed) return;
    this.#answering = true;
    this.#bytes = 0;
    if (reply.tunnel !== undefined) {
      this.#switch(reply);
      return;
    }
    // An answer before the request's end: what is still to come of it would stand before the next request.
    const unread = this.#body !== undefined && !this.#body.done;
    const last = this.#closing || (this.#peerEnded && !this.#intake.waits);
    if (unread || last) this.#persistent = false;
    const text = composeReplyHead(reply, head.method, head.version, this.#persistent);
    if (composed.framing === -2) this.#persistent = false;
    const { body } = reply;
    if (composed.sendsBody && body !== undefined && (!(body instanceof HeldBody) || composed.framing < 0)) {
      this.#writer = new BodyWriter(this, this.#transport, text, composed.framing);
      this.#writer.write(body);
      return;
    }
    // The usual small answer, head and body in one write.
    const content = composed.sendsBody && body !== undefined ? (body as HeldBody).content : "";
    if (!composed.sendsBody) reply.discard();
    this.#transport.writeWith(text, content);
    this.#bytes = content.length;
    this.#over(true);
  }

  #switch(reply: Reply): void {
    this.#persistent = false;
    this.#writer = new BodyWriter(this, this.#transport, composeSwitchHead(reply), -2);
    this.#body = IncomingBody.untilClose(this, this.#transport, this.#limits, REQUEST_BODY);
    this.#tunnel = new ServerTunnel(reply.tunnel!, this.#body, this.#writer, this.#transport, () =>
      this.#over(true),
    );
    const ahead = this.#intake.release();
    if (ahead !== undefined) this.#body.push(ahead, 0, ahead.length, false);
    this.#tunnel.start();
    if (this.#mayRead()) this.#transport.resume();
    if (this.#leaves !== undefined && !this.#retires) this.goAway(this.#leaves);
  }

  messageWritten(): void {
    if (this.#tunnel !== undefined) this.#tunnel.outgoingEnded();
    else this.#over(true);
  }

  messageCut(failure: BodyFailure): void {
    if (this.#writer?.endsWithConnection) this.#transport.reset();
    else this.#transport.destroy();
    this.#over(false, failure.code);
  }

  /** The exchange is over: its answer is out, or cut. */
  #over(complete: boolean, failure?: string): void {
    if (!this.#busy) return;
    const events = this.#events;
    const written = this.#writer?.written ?? this.#bytes;
    this.#events = undefined;
    this.#answered = true;
    if (!complete || this.#tunnel !== undefined) this.#closing = true;
    events?.sent(complete, written, failure);
    if (this.#body !== undefined && !this.#body.done) this.#closing = true;
    if (!this.#persistent) this.#closing = true;
    if (!this.#closing && this.#transport.busy) return; // drained() goes on
    this.#next();
  }

  #next(): void {
    this.#busy = false;
    this.#answering = false;
    this.#answered = false;
    this.#writer = undefined;
    this.#head = undefined;
    if (this.#closing) {
      this.#linger(false);
      return;
    }
    this.#body = undefined;
    this.#clock.answered();
    if (!this.#intake.proceed()) return;
    if (this.#peerEnded && !this.#busy) this.#transport.destroy();
    else if (this.#mayRead()) this.#transport.resume();
  }

  refuse(failure: Failure, ofHead: boolean): void {
    this.#closing = true;
    const reply = this.#handler.refused(failure, this.peer);
    const head = composeReplyHead(reply, ofHead ? "HEAD" : "GET", 11, false);
    this.#transport.writeWith(head, ofHead ? "" : (reply.body as HeldBody).content);
    this.#linger(true);
  }

  /** Sends our end, then reads on for a while: closing with bytes unread would take the answer back (RFC 9112 §9.6). */
  #linger(refused: boolean): void {
    const unread = this.#body === undefined ? refused : !this.#body.done;
    this.#intake.close();
    this.#body?.cancel();
    this.#transport.endWrite();
    this.#clock.linger(unread);
    this.#transport.resume();
  }

  drained(): void {
    this.#writer?.drained();
    if (this.#busy && this.#answered) this.#next();
  }

  writeFailed(): void {
    this.#transport.destroy();
  }

  reset(): void {
    this.#transport.reset();
  }

  goAway(graceMs: number, code?: number, reason?: string): void {
    this.#leaves = graceMs;
    if (this.#tunnel !== undefined) {
      this.#tunnel.goAway(code, reason);
      this.#clock.closeIn(graceMs);
    } else if (!this.#answering) this.#persistent = false;
  }

  /**
   * The next answer is the last. A request may be on its way to an idle connection: it is waited for, `lingerMs`, since
   * closing would leave its client in doubt whether it was served.
   */
  stop(lingerMs: number): void {
    const goes = (): void => this.goAway(TUNNEL_LEAVES);
    if (this.#tunnel?.stays(goes) !== true) goes();
    if (lingerMs > 0 || this.#busy) this.#clock.leaveAfter(lingerMs);
    else this.#transport.destroy();
  }

  retire(lingerMs: number): void {
    this.#retires = true;
    if (this.#tunnel === undefined) this.stop(lingerMs);
  }

  /** Closes at once. */
  destroy(): void {
    this.#transport.destroy();
  }

  closed(): void {
    const failure = new Failure("client_left");
    this.#closing = true;
    this.#writer?.abandon();
    this.#body?.fail(failure);
    this.#tunnel?.closed();
    const events = this.#events;
    this.#events = undefined;
    this.#busy = false;
    events?.left(this.#writer?.written ?? 0);
    this.#handler.closed(this);
  }

  sweep(now: number): void {
    const body = this.#tunnel === undefined ? this.#body : undefined;
    const verdict = this.#clock.look(now, this.#busy, this.#intake.waits, body, this.#transport.backlog);
    if (verdict === "close") this.#transport.destroy();
    else if (verdict === "head") this.refuse(new Failure("header_timeout"), false);
    else if (verdict === "body") {
      this.#persistent = false;
      this.#closing = true;
      this.#body?.fail(new Failure("body_too_slow"));
    }
  }
}
