import { Failure } from "../errors/failure.ts";
import type { ListenerLimits } from "../lib/limits.ts";
import type { RequestHead } from "../lib/request.ts";
import { LF } from "./bytes.ts";
import { read, readRequestHead } from "./request-reader.ts";

/** Bytes of further requests that are read while one is served; reading on shows when the client leaves. */
const AHEAD_MAX = 65_536;

/** What an intake asks and tells the connection that it reads for. */
export interface IntakeOwner {
  /** The next request may begin. */
  readonly free: boolean;
  /** Begins an exchange; returns the position behind what belongs to it. */
  begin(head: RequestHead, bytes: Buffer, from: number, to: number): number;
  /** The connection begins with the preface of HTTP/2: whether it goes on so, with what arrived. */
  becameHttp2(bytes: Buffer, from: number, to: number): boolean;
  /** What arrived is not a request. `ofHead`: it would have been a HEAD, whose answer has no body. */
  refuse(failure: Failure, ofHead: boolean): void;
}

/** Reads request heads off a connection, one after the other, and keeps what arrives before its time. */
export class RequestIntake {
  readonly #owner: IntakeOwner;
  readonly #limits: ListenerLimits;
  readonly #scheme: string;
  /** Bytes that wait: a head that is not complete, or requests behind the one being served. */
  #ahead: Buffer | undefined = undefined;
  /** Requests are being read off some bytes: one that is answered at once must not start a second reading. */
  #reading = false;
  #closed = false;
  /** No request was read yet. */
  #first = true;

  constructor(owner: IntakeOwner, limits: ListenerLimits, scheme: string) {
    this.#owner = owner;
    this.#limits = limits;
    this.#scheme = scheme;
  }

  /** Bytes wait. */
  get waits(): boolean {
    return this.#ahead !== undefined;
  }

  /** So much waits that no more should be read now. */
  get full(): boolean {
    return this.#ahead !== undefined && this.#ahead.length >= AHEAD_MAX;
  }

  /** Reads what arrived while no exchange was under way. */
  take(bytes: Buffer, to: number): void {
    if (this.#ahead === undefined) this.#read(bytes, to);
    else this.#continueHead(bytes, to);
  }

  /** A head that came in parts is read again only when a line ended: their number is limited. */
  #continueHead(bytes: Buffer, to: number): void {
    const ahead = Buffer.concat([this.#ahead!, bytes.subarray(0, to)]);
    this.#ahead = ahead;
    const lineEnded = bytes.subarray(0, to).includes(LF);
    if (lineEnded || ahead.length > this.#limits.head) {
      this.#ahead = undefined;
      this.#read(ahead, ahead.length);
    }
  }

  #read(bytes: Buffer, to: number): void {
    this.#reading = true;
    let at = 0;
    while (at < to) {
      if (!this.#owner.free) {
        this.keep(bytes, at, to);
        break;
      }
      const head = readRequestHead(bytes, at, to, this.#limits, this.#scheme);
      if (head instanceof Failure) {
        if (this.#first && isPreface(bytes, at, to) && this.#owner.becameHttp2(bytes, at, to)) break;
        this.#owner.refuse(head, isHeadRequest(bytes, at));
        break;
      }
      if (head === undefined) {
        this.keep(bytes, at, to);
        break;
      }
      this.#first = false;
      at = this.#owner.begin(head, bytes, read.end, to);
    }
    this.#reading = false;
  }

  /** Keeps bytes for later. */
  keep(bytes: Buffer, from: number, to: number): void {
    if (this.#closed) return;
    const rest = Buffer.from(bytes.subarray(from, to));
    this.#ahead = this.#ahead === undefined ? rest : Buffer.concat([this.#ahead, rest]);
  }

  /** Goes on with what waits, where that is not happening already; false then. */
  proceed(): boolean {
    if (this.#reading) return false;
    const ahead = this.release();
    if (ahead !== undefined) this.#read(ahead, ahead.length);
    return true;
  }

  /** Gives what waits to somebody else. */
  release(): Buffer | undefined {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    return ahead;
  }

  /** Nothing that waits or comes matters any more. */
  close(): void {
    this.#closed = true;
    this.#ahead = undefined;
  }
}

/** Whether what was refused is how a client with prior knowledge of HTTP/2 begins (RFC 9113 §3.4). */
function isPreface(bytes: Buffer, from: number, to: number): boolean {
  return bytes.toString("latin1", from, Math.min(to, from + 16)) === "PRI * HTTP/2.0\r\n";
}

/** Whether the head that was refused is that of a HEAD. */
function isHeadRequest(bytes: Buffer, from: number): boolean {
  return bytes
    .toString("latin1", from, from + 7)
    .trimStart()
    .startsWith("HEAD ");
}
