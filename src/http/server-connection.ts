import { Failure } from "../errors/failure.ts";
import { type BodyFailure, HeldBody } from "../lib/body.ts";
import type { Fields } from "../lib/fields.ts";
import type { ListenerLimits } from "../lib/limits.ts";
import type { Reply } from "../lib/reply.ts";
import type { Downstream, DownstreamEvents, Peer, RequestHead } from "../lib/request.ts";
import { BodyWriter, type WriterOwner } from "./body-writer.ts";
import { LF } from "./bytes.ts";
import { IncomingBody, type IncomingOwner, REQUEST_BODY } from "./incoming-body.ts";
import { composed, composeReplyHead, composeSwitchHead, informationalHead } from "./reply-head.ts";
import { read, readRequestHead } from "./request-reader.ts";
import { ServerClock } from "./server-clock.ts";
import { ServerTunnel } from "./server-tunnel.ts";
import type { Transport, TransportOwner } from "./transport.ts";

/** What stands above a server connection. */
export interface RequestHandler {
  /** A whole head arrived. The handler attaches its events to the downstream, then answers now or later. */
  request(head: RequestHead, downstream: ServerConnection): void;
  /** The wire refuses what arrived: the answer to send before the connection is closed. */
  refused(failure: Failure, peer: Peer): Reply;
  /** The connection is gone. */
  closed(connection: ServerConnection): void;
}

/**
 * For so long bytes of a client we are done with are read and thrown away, so that it can read our last answer: longer
 * when the rest of a body may be on its way.
 */
const LINGER_FOR_BODY = 5_000;
const LINGER = 500;

/** Bytes of further requests that are read while one is served; reading on shows when the client leaves. */
const AHEAD_MAX = 65_536;

/** A client's connection: reads one request after the other, answers them in their order (RFC 9112 §9.3). */
export class ServerConnection implements Downstream, TransportOwner, IncomingOwner, WriterOwner {
  readonly peer: Peer;
  readonly #handler: RequestHandler;
  readonly #limits: ListenerLimits;
  readonly #scheme: string;
  readonly #clock: ServerClock;
  #transport!: Transport;
  #events: DownstreamEvents | undefined = undefined;
  /** Bytes that wait: a head that is not complete, or requests behind the one being served. */
  #ahead: Buffer | undefined = undefined;
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
  #parsing = false;

  constructor(handler: RequestHandler, limits: ListenerLimits, peer: Peer) {
    this.#handler = handler;
    this.#limits = limits;
    this.peer = peer;
    this.#scheme = peer.secure ? "https" : "http";
    this.#clock = new ServerClock(limits);
  }

  /** Called once, right after the transport was made for this connection. */
  open(transport: Transport): void {
    this.#transport = transport;
  }

  attach(events: DownstreamEvents): void {
    this.#events = events;
  }

  // ---- reading

  received(bytes: Buffer, to: number, reused: boolean): boolean {
    this.#clock.stirred();
    if (this.#closing && !this.#busy) return true;
    const body = this.#body;
    if (body !== undefined && !body.done && body.failure === undefined) {
      const end = body.push(bytes, 0, to, reused);
      if (end < to) this.#keep(bytes, end, to);
      // The answer may have gone out as the body ended: what came behind it is the next request.
      if (!this.#busy && !this.#closing) this.#readAhead();
      return this.#mayRead();
    }
    if (this.#busy || this.#closing) {
      this.#keep(bytes, 0, to);
      return this.#closing || this.#mayRead();
    }
    if (this.#ahead === undefined) this.#readRequests(bytes, to);
    else this.#continueHead(bytes, to);
    return this.#mayRead();
  }

  /** A head that came in parts is read again only when a line ended: their number is limited. */
  #continueHead(bytes: Buffer, to: number): void {
    const ahead = Buffer.concat([this.#ahead!, bytes.subarray(0, to)]);
    this.#ahead = ahead;
    const lineEnded = bytes.subarray(0, to).includes(LF);
    if (lineEnded || ahead.length > this.#limits.head) {
      this.#ahead = undefined;
      this.#readRequests(ahead, ahead.length);
    }
  }

  #readRequests(bytes: Buffer, to: number): void {
    this.#parsing = true;
    let at = 0;
    while (at < to) {
      if (this.#busy || this.#closing) {
        this.#keep(bytes, at, to);
        break;
      }
      const head = readRequestHead(bytes, at, to, this.#limits, this.#scheme);
      if (head instanceof Failure) {
        this.#refuse(head, isHeadRequest(bytes, at));
        break;
      }
      if (head === undefined) {
        this.#keep(bytes, at, to);
        break;
      }
      at = this.#begin(head, bytes, read.end, to);
    }
    this.#parsing = false;
  }

  /** Begins an exchange; returns the position behind what belongs to it. */
  #begin(head: RequestHead, bytes: Buffer, from: number, to: number): number {
    this.#persistent = read.persistent;
    this.#head = head;
    let at = from;
    if (read.framing !== 0) {
      const body = new IncomingBody(this, this.#transport, read.framing, this.#limits, REQUEST_BODY);
      if (from < to) {
        const whole = body.whole(bytes, from, to);
        at = whole === undefined ? to : whole.end;
        if (body.failure !== undefined) {
          this.#refuse(body.failure, head.method === "HEAD");
          return to;
        }
        if (whole !== undefined) head.body = new HeldBody(whole.content, body.trailers);
      }
      if (!body.done) {
        head.body = body;
        this.#body = body;
      }
    }
    this.#busy = true;
    this.#clock.began();
    this.#handler.request(head, this);
    return at;
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    if (this.#closing) return;
    const rest = Buffer.from(bytes.subarray(from, to));
    this.#ahead = this.#ahead === undefined ? rest : Buffer.concat([this.#ahead, rest]);
  }

  #mayRead(): boolean {
    if (this.#body?.blocked) return false;
    return !this.#busy || this.#ahead === undefined || this.#ahead.length < AHEAD_MAX;
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

  // ---- answering

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
    const last = this.#closing || (this.#peerEnded && this.#ahead === undefined);
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
    if (typeof content === "string") this.#transport.write(text + content);
    else this.#transport.writeAll([text, content]);
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
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead !== undefined) this.#body.push(ahead, 0, ahead.length, false);
    this.#tunnel.start();
    if (this.#mayRead()) this.#transport.resume();
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
    if (this.#parsing) return;
    this.#readAhead();
    if (this.#peerEnded && !this.#busy) this.#transport.destroy();
    else if (this.#mayRead()) this.#transport.resume();
  }

  #readAhead(): void {
    const ahead = this.#ahead;
    if (ahead === undefined) return;
    this.#ahead = undefined;
    this.#readRequests(ahead, ahead.length);
  }

  #refuse(failure: Failure, ofHead: boolean): void {
    this.#closing = true;
    this.#ahead = undefined;
    const reply = this.#handler.refused(failure, this.peer);
    const head = composeReplyHead(reply, ofHead ? "HEAD" : "GET", 11, false);
    if (ofHead) this.#transport.write(head);
    else this.#transport.writeAll([head, (reply.body as HeldBody).bytes()]);
    this.#linger(true);
  }

  /** Sends our end, then reads on for a while: closing with bytes unread would take the answer back (RFC 9112 §9.6). */
  #linger(refused: boolean): void {
    const unread = this.#body === undefined ? refused : !this.#body.done;
    this.#ahead = undefined;
    this.#body?.cancel();
    this.#transport.endWrite();
    this.#clock.lingerUntil(performance.now() + (unread ? LINGER_FOR_BODY : LINGER));
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

  // ---- the end

  /** Idle: closes. Busy: closes behind the answer. */
  stop(): void {
    this.#closing = true;
    this.#persistent = false;
    if (!this.#busy) this.#transport.destroy();
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
    const verdict = this.#clock.look(
      now,
      this.#busy,
      this.#ahead !== undefined,
      body,
      this.#transport.backlog,
    );
    if (verdict === "close") this.#transport.destroy();
    else if (verdict === "head") this.#refuse(new Failure("header_timeout"), false);
    else if (verdict === "body") {
      this.#persistent = false;
      this.#closing = true;
      this.#body?.fail(new Failure("body_too_slow"));
    }
  }
}

/** Whether the head that was refused is that of a HEAD: its answer has no body. */
function isHeadRequest(bytes: Buffer, from: number): boolean {
  return bytes
    .toString("latin1", from, from + 7)
    .trimStart()
    .startsWith("HEAD ");
}
