import { Failure } from "../errors/failure.ts";
import { DEFAULT_LIMITS } from "../lib/limits.ts";
import { BodyWriter, type WriterOwner } from "./body-writer.ts";
import { UNTIL_CLOSE } from "./framing.ts";
import { IncomingBody, type IncomingOwner, RESPONSE_BODY } from "./incoming-body.ts";
import type { Transport, TransportOwner } from "./transport.ts";

/** What one end of a connection tells. */
export interface TcpSideOwner {
  /** Bytes moved. */
  stirred(): void;
  /** Its connection is gone; `whole` when everything was passed on before, in both directions. */
  sideClosed(side: TcpSide, whole: boolean): void;
}

/** One end of a connection that is passed through: what it sends, and what it is sent; each direction ends on its own. */
export class TcpSide implements TransportOwner, IncomingOwner, WriterOwner {
  /** What this end sends. */
  readonly incoming: IncomingBody;
  readonly #owner: TcpSideOwner;
  readonly #transport: Transport;
  readonly #writer: BodyWriter;
  #closed = false;

  constructor(owner: TcpSideOwner, transport: Transport) {
    this.#owner = owner;
    this.#transport = transport;
    this.incoming = IncomingBody.untilClose(this, transport, DEFAULT_LIMITS, RESPONSE_BODY);
    this.#writer = new BodyWriter(this, transport, "", UNTIL_CLOSE);
    transport.socket.setKeepAlive(true, 60_000);
  }

  /** From now on it is sent what the other end sends. */
  take(other: TcpSide): void {
    this.#writer.write(other.incoming);
  }

  /** Everything was passed on, in both directions. */
  get over(): boolean {
    return this.incoming.done && this.#writer.over;
  }

  /** Its connection is gone. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** All that it was sent is in the kernel's hands. */
  get flushed(): boolean {
    return !this.#transport.busy;
  }

  received(bytes: Buffer, to: number, reused: boolean): boolean {
    this.#owner.stirred();
    this.incoming.push(bytes, 0, to, reused);
    return !this.incoming.blocked;
  }

  ended(): void {
    this.#owner.stirred();
    this.incoming.peerEnded();
  }

  drained(): void {
    this.#owner.stirred();
    this.#writer.drained();
  }

  writeFailed(): void {
    this.#transport.destroy();
  }

  messageWritten(): void {
    this.#transport.endWrite();
  }

  /** The other end broke off: this one must not take what it has for all. */
  messageCut(): void {
    this.reset();
  }

  /** Closes so that the peer sees a break. */
  reset(): void {
    if (!this.#transport.closed) this.#transport.reset();
  }

  destroy(): void {
    this.#transport.destroy();
  }

  closed(error: string | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    const whole = this.over;
    this.incoming.fail(new Failure("body_cut", error));
    this.#writer.abandon();
    this.#owner.sideClosed(this, whole);
  }

  bodyRead(): void {}

  bodyDropped(): void {}

  bodyBroken(): void {}

  /** The connection that it belongs to looks after both ends. */
  sweep(): void {}
}
