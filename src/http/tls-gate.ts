import type { Socket } from "node:net";

type Piece = string | Uint8Array;

/** What a gate asks of its transport. */
export interface Gated {
  readonly socket: Socket;
  readonly closed: boolean;
  /** Its owner does not want to read now. */
  readonly paused: boolean;
  /** A write is under way. */
  readonly busy: boolean;
  writeAll(pieces: readonly Piece[]): boolean;
  /** Hands bytes to the owner, who may stop the reading. */
  give(bytes: Buffer, size: number, reused: boolean): boolean;
  /** Tells the owner that the peer sends no more. */
  giveEnd(): void;
  /** Has the socket read on. */
  readOn(): void;
}

/**
 * What a transport keeps back because it speaks TLS: a TLS socket takes one write at a time, and gives what it has
 * decrypted already also after its reading was stopped. Plain connections have none.
 */
export class TlsGate {
  readonly #transport: Gated;
  /** What comes while a write is under way. */
  #waiting: Piece[] | undefined = undefined;
  #ending = false;
  /** What came after reading was stopped. */
  #held: Buffer[] | undefined = undefined;
  #heldEnd = false;

  constructor(transport: Gated) {
    this.#transport = transport;
  }

  /** Keeps pieces until the write under way is done; false, as a write that is not done. */
  wait(...pieces: readonly Piece[]): false {
    if (this.#waiting === undefined) this.#waiting = [...pieces];
    else this.#waiting.push(...pieces);
    return false;
  }

  /** The end follows what waits: what is encrypted and not yet written would be lost behind it. */
  endLater(): void {
    this.#ending = true;
  }

  /** The write is done: what waited leaves with one more, then the end. */
  written(): void {
    const pieces = this.#waiting;
    if (pieces === undefined && !this.#ending) return;
    const transport = this.#transport;
    this.#waiting = undefined;
    if (transport.closed || transport.socket.destroyed) return;
    if (pieces !== undefined) transport.writeAll(pieces);
    if (!this.#ending || transport.busy) return;
    this.#ending = false;
    transport.socket.end();
  }

  /** Bytes that wait. */
  get size(): number {
    let size = 0;
    for (const { length } of this.#waiting ?? []) size += length;
    return size;
  }

  /** Keeps a copy of what came though reading was stopped; false where it is to be given at once. */
  hold(bytes: Buffer, size: number): boolean {
    if (this.#held === undefined && !this.#transport.paused) return false;
    this.#held ??= [];
    this.#held.push(Buffer.from(bytes.subarray(0, size)));
    return true;
  }

  /** Reading goes on: what was held is given first; false where there is nothing. */
  resume(): boolean {
    if (this.#held === undefined) return false;
    setImmediate(() => this.#giveHeld());
    return true;
  }

  #giveHeld(): void {
    const transport = this.#transport;
    const held = this.#held;
    while (held !== undefined && held.length > 0 && !transport.paused && !transport.closed) {
      const bytes = held.shift()!;
      transport.give(bytes, bytes.length, false);
    }
    if (held === undefined || transport.paused || transport.closed) return;
    this.#held = undefined;
    if (this.#heldEnd) transport.giveEnd();
    else transport.readOn();
  }

  /** The peer sends no more: true where that is told behind what is held. */
  holdEnd(): boolean {
    this.#heldEnd = this.#held !== undefined;
    return this.#heldEnd;
  }
}
