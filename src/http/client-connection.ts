import type { NetConnectOpts } from "node:net";
import { Failure } from "../errors/failure.ts";
import { type Body, type BodyFailure, HeldBody } from "../lib/body.ts";
import type { HeadLimits } from "../lib/limits.ts";
import type { Tunnel } from "../lib/reply.ts";
import { BodyWriter, type WriterOwner } from "./body-writer.ts";
import { LF } from "./bytes.ts";
import { CHUNKED, type Framing } from "./framing.ts";
import { IncomingBody, type IncomingOwner, RESPONSE_BODY } from "./incoming-body.ts";
import { type ResponseHead, readResponseHead, responseRead } from "./response-reader.ts";
import { type ReadMode, Transport, type TransportOwner } from "./transport.ts";

/** Informational replies to one request that are passed on; more are an attack. */
const INFORMATIONAL_MAX = 16;

/** Times in milliseconds; 0 for none. */
export interface ClientTimeouts {
  readonly connect: number;
  /** From the request's last byte to the answer's head. */
  readonly response: number;
  /** Between two reads of the answer's body, while the client keeps up. */
  readonly idle: number;
}

/** One request to write. */
export interface OutgoingMessage {
  /** Start line and fields without framing and without the empty line. */
  readonly head: string;
  readonly method: string;
  readonly body: Body | undefined;
  /** The answer may switch protocols. */
  readonly upgrade: boolean;
}

/** What a client connection tells of one request. Exactly one of `answered` and `failed` is called. */
export interface ClientEvents {
  informational(head: ResponseHead): void;
  /** The final head, with the body that follows it. */
  answered(head: ResponseHead, body: Body | undefined, tunnel: Tunnel | undefined): void;
  /** No answer will come. The reason says whether the request can have reached the service. */
  failed(failure: Failure): void;
}

/** What a pool is told of its connections. */
export interface ClientOwner {
  ready(connection: ClientConnection): void;
  /** It is idle again and can be reused. */
  freed(connection: ClientConnection): void;
  gone(connection: ClientConnection): void;
}

/** A connection to one endpoint: carries one request at a time. */
export class ClientConnection implements TransportOwner, IncomingOwner, WriterOwner {
  readonly #owner: ClientOwner;
  readonly #limits: HeadLimits;
  readonly #timeouts: ClientTimeouts;
  readonly #transport: Transport;
  #events: ClientEvents | undefined = undefined;
  #message: OutgoingMessage | undefined = undefined;
  #writer: BodyWriter | undefined = undefined;
  #body: IncomingBody | undefined = undefined;
  #tunnelIn: IncomingBody | undefined = undefined;
  /** Part of a head. */
  #ahead: Buffer | undefined = undefined;
  #informational = 0;
  #persistent = false;
  #connected = false;
  #dead = false;
  /** Requests that were answered on it. */
  #served = 0;
  /** A byte of the answer came. */
  #stirred = false;
  /** When the wait under way was first seen; 0 before that. */
  #since = 0;
  /** Bytes that the kernel had not taken at the last look. */
  #backlog = 0;
  /** For so long it may be idle, in milliseconds. */
  keepAlive: number;
  /** It was given up because connecting took too long. */
  timedOut = false;

  constructor(
    owner: ClientOwner,
    address: NetConnectOpts,
    timeouts: ClientTimeouts,
    limits: HeadLimits,
    keepAlive: number,
    mode: ReadMode,
  ) {
    this.#owner = owner;
    this.#limits = limits;
    this.#timeouts = timeouts;
    this.keepAlive = keepAlive;
    this.#transport = Transport.connect(this, address, mode);
  }

  /** Sends a request on an idle connection. */
  send(message: OutgoingMessage, events: ClientEvents): void {
    this.#events = events;
    this.#message = message;
    this.#stirred = false;
    this.#informational = 0;
    this.#since = 0;
    const { body } = message;
    const framing = framingOf(body);
    let head = message.head;
    if (framing === CHUNKED) head += "transfer-encoding: chunked\r\n\r\n";
    else if (framing > 0 || (body !== undefined && message.method !== "GET"))
      head += `content-length: ${framing}\r\n\r\n`;
    else head += needsLength(message.method) ? "content-length: 0\r\n\r\n" : "\r\n";
    if (body === undefined) {
      this.#transport.write(head);
      return;
    }
    this.#writer = new BodyWriter(this, this.#transport, head, framing);
    this.#writer.write(body);
  }

  // ---- reading

  received(bytes: Buffer, to: number, reused: boolean): boolean {
    this.#since = 0;
    if (this.#dead) return true;
    if (this.#tunnelIn !== undefined) {
      this.#tunnelIn.push(bytes, 0, to, reused);
      return !this.#tunnelIn.blocked;
    }
    const body = this.#body;
    if (body !== undefined) {
      const end = body.push(bytes, 0, to, reused);
      if (end < to) this.#poisoned();
      return !body.blocked;
    }
    if (this.#events === undefined) {
      this.#poisoned();
      return true;
    }
    this.#stirred = true;
    if (this.#ahead === undefined) this.#readHeads(bytes, 0, to);
    else {
      const ahead = Buffer.concat([this.#ahead, bytes.subarray(0, to)]);
      this.#ahead = ahead;
      if (bytes.subarray(0, to).includes(LF) || ahead.length > this.#limits.head) {
        this.#ahead = undefined;
        this.#readHeads(ahead, 0, ahead.length);
      }
    }
    return !(this.#tunnelIn ?? (this.#body as IncomingBody | undefined))?.blocked;
  }

  #readHeads(bytes: Buffer, from: number, to: number): void {
    let at = from;
    while (at < to) {
      const head = readResponseHead(bytes, at, to, this.#limits, this.#message!.method);
      if (head === undefined) {
        this.#ahead = Buffer.from(bytes.subarray(at, to));
        return;
      }
      if (head instanceof Failure) {
        this.#fail(head);
        return;
      }
      at = responseRead.end;
      if (head.status >= 200 || head.status === 101) {
        this.#answer(head, bytes, at, to);
        return;
      }
      this.#informational++;
      if (this.#informational > INFORMATIONAL_MAX) {
        this.#fail(new Failure("response_malformed", "it has too many informational replies"));
        return;
      }
      this.#events!.informational(head);
      if (this.#events === undefined) return;
    }
  }

  #answer(head: ResponseHead, bytes: Buffer, from: number, to: number): void {
    if (head.status === 101) {
      this.#switch(head, bytes, from, to);
      return;
    }
    this.#persistent = head.persistent;
    if (head.keepAlive !== undefined)
      this.keepAlive = Math.min(this.keepAlive, Math.max(0, head.keepAlive * 1_000 - 1_000));
    if (head.framing === 0) {
      if (from < to) this.#persistent = false;
      this.#finish(head, undefined);
      return;
    }
    const body = new IncomingBody(this, this.#transport, head.framing, this.#limits, RESPONSE_BODY);
    if (from < to) {
      const whole = body.whole(bytes, from, to);
      if (body.failure !== undefined) {
        this.#fail(body.failure);
        return;
      }
      if (whole !== undefined) {
        if (whole.end < to) this.#persistent = false;
        this.#finish(head, new HeldBody(whole.content, body.trailers));
        return;
      }
    }
    this.#body = body;
    const events = this.#events!;
    events.answered(head, body, undefined);
  }

  /** The whole answer is here: the connection is free before the answer goes on, so that the next request can use it. */
  #finish(head: ResponseHead, body: HeldBody | undefined): void {
    const events = this.#events!;
    this.#release();
    events.answered(head, body, undefined);
  }

  #switch(head: ResponseHead, bytes: Buffer, from: number, to: number): void {
    if (!this.#message!.upgrade || head.fields.get("upgrade")?.toLowerCase() !== "websocket") {
      this.#fail(new Failure("upgrade_unasked"));
      return;
    }
    const events = this.#events!;
    const incoming = IncomingBody.untilClose(this, this.#transport, this.#limits, RESPONSE_BODY);
    this.#tunnelIn = incoming;
    this.#writer = new BodyWriter(this, this.#transport, "", -2);
    if (from < to) incoming.push(Buffer.from(bytes.subarray(from, to)), 0, to - from, false);
    events.answered(head, undefined, {
      incoming,
      outgoing: this.#writer,
      abort: () => this.#transport.destroy(),
    });
  }

  bodyRead(extra: boolean): void {
    if (extra) this.#persistent = false;
    if (this.#tunnelIn !== undefined) {
      if (this.#writer?.over) this.#transport.destroy();
      return;
    }
    this.#release();
  }

  /** Closing costs less than reading what nobody wants. */
  bodyDropped(): void {
    this.#close();
  }

  bodyBroken(): void {
    this.#poisoned();
  }

  /** The exchange on this connection is over; it serves on when both sides of it are whole. */
  #release(): void {
    this.#events = undefined;
    this.#body = undefined;
    this.#served++;
    const whole = this.#writer === undefined || this.#writer.over;
    if (!whole) this.#writer?.abandon();
    if (whole && this.#persistent && !this.#dead && !this.#transport.closed) {
      this.#message = undefined;
      this.#writer = undefined;
      this.#owner.freed(this);
    } else this.#close();
  }

  /** The service sent what nobody asked for: nothing on this connection can be believed any more. */
  #poisoned(): void {
    this.#persistent = false;
    if (this.#body === undefined || this.#body.done || this.#body.failure !== undefined) this.#close();
  }

  ended(): void {
    if (this.#tunnelIn !== undefined) this.#tunnelIn.peerEnded();
    else if (this.#body !== undefined) {
      this.#persistent = false;
      this.#body.peerEnded();
      if (this.#body !== undefined) this.#close();
    } else this.#close();
  }

  // ---- writing

  messageWritten(): void {
    if (this.#tunnelIn === undefined) return;
    this.#transport.endWrite();
    if (this.#tunnelIn.done) this.#transport.destroy();
  }

  /** The request's body broke: the service must not take what it has for a whole request. */
  messageCut(failure: BodyFailure): void {
    this.#fail(failure instanceof Failure ? failure : new Failure(failure.code, failure.detail));
  }

  drained(): void {
    this.#writer?.drained();
  }

  /** The service takes no more of the request; its answer may be on its way all the same. */
  writeFailed(): void {
    this.#persistent = false;
    this.#writer?.abandon();
  }

  connected(): void {
    this.#connected = true;
    this.#since = 0;
    this.#owner.ready(this);
  }

  // ---- the end

  /** Nobody waits for the answer any more. */
  abort(): void {
    this.#events = undefined;
    this.#writer?.abandon();
    this.#body?.cancel();
    this.#close();
  }

  /** Closes an idle connection. */
  close(): void {
    this.#close();
  }

  get usable(): boolean {
    return this.#connected && !this.#dead && this.#events === undefined && this.#body === undefined;
  }

  #fail(failure: Failure): void {
    const events = this.#events;
    this.#events = undefined;
    this.#close();
    events?.failed(failure);
  }

  #close(): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#owner.gone(this);
    if (!this.#transport.closed) this.#transport.destroy();
    if (this.#events !== undefined) this.#lost(undefined);
  }

  closed(error: string | undefined): void {
    if (!this.#dead) {
      this.#dead = true;
      this.#owner.gone(this);
    }
    this.#body?.fail(new Failure("body_cut", error));
    this.#tunnelIn?.fail(new Failure("body_cut", error));
    this.#lost(error);
    this.#writer?.abandon();
  }

  /** The connection went away under a request. */
  #lost(error: string | undefined): void {
    const events = this.#events;
    this.#events = undefined;
    if (events === undefined || this.#body !== undefined || this.#tunnelIn !== undefined) return;
    const code = this.#served > 0 && !this.#stirred ? "connection_reused_closed" : "response_cut";
    events.failed(new Failure(code, error));
  }

  /** Whether it is not, and was never, connected. */
  get neverConnected(): boolean {
    return !this.#connected;
  }

  sweep(now: number): void {
    if (this.#dead) return;
    const limit = this.#limitNow();
    if (limit === 0) return;
    if (this.#since === 0) this.#since = now;
    if (now - this.#since < limit) return;
    if (!this.#connected) {
      this.timedOut = true;
      this.#transport.destroy();
    } else if (this.#body !== undefined) {
      this.#body.fail(new Failure("body_idle"));
      this.#close();
    } else if (this.#events !== undefined) this.#fail(new Failure("response_timeout"));
    else this.#close();
  }

  /** The time limit of what is waited for now; 0 for none. */
  #limitNow(): number {
    if (!this.#connected) return this.#timeouts.connect;
    if (this.#tunnelIn !== undefined) return 0;
    if (this.#body !== undefined) {
      if (!this.#body.blocked) return this.#timeouts.idle;
      this.#since = 0;
      return 0;
    }
    if (this.#events === undefined) return this.keepAlive;
    if (this.#writer === undefined || this.#writer.over) return this.#timeouts.response;
    // The request is on its way: only a service that does not read it is waited for.
    const { backlog } = this.#transport;
    if (backlog === 0 || backlog !== this.#backlog) this.#since = 0;
    this.#backlog = backlog;
    return backlog === 0 ? 0 : this.#timeouts.idle;
  }
}

function framingOf(body: Body | undefined): Framing {
  if (body === undefined) return 0;
  return body instanceof HeldBody && body.trailers !== undefined ? CHUNKED : (body.length ?? CHUNKED);
}

/** Methods whose content is expected: without a length a service could wait for it (RFC 9110 §8.6). */
function needsLength(method: string): boolean {
  return method === "POST" || method === "PUT" || method === "PATCH";
}
