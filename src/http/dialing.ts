import { connect, type NetConnectOpts } from "node:net";
import { Failure } from "../errors/failure.ts";
import { unwatch, watch } from "./sweeper.ts";
import type { TlsAttempt, TlsClient } from "./tls-client.ts";
import { type ReadMode, Transport, type TransportOwner } from "./transport.ts";

/** How connections to one endpoint are made. */
export interface DialTarget {
  readonly address: NetConnectOpts;
  /** Undefined for a plain connection. */
  readonly tls: TlsClient | undefined;
  /** How long connecting may take, the handshake included, in milliseconds; 0 for as long as the system takes. */
  readonly timeout: number;
  /** What is sent before anything else, TLS too: a PROXY protocol header. */
  readonly preface?: Buffer | undefined;
}

/** What is told of a connection on its way. Exactly one of the two is called, unless it is aborted. */
export interface DialingOwner {
  /** It stands: its transport waits for an owner, to be given before this returns. */
  dialed(dialing: Dialing): void;
  /** There is none, and why. */
  undialed(dialing: Dialing, failure: Failure): void;
}

/** A connection to an endpoint on its way: TCP, the handshake of TLS, what is sent first. */
export class Dialing implements TransportOwner {
  readonly #owner: DialingOwner;
  readonly #target: DialTarget;
  #transport: Transport | undefined = undefined;
  #attempt: TlsAttempt | undefined = undefined;
  /** Ends a connection that has no transport yet. */
  #giveUp: (() => void) | undefined = undefined;
  #since = 0;
  #late = false;
  #over = false;

  constructor(owner: DialingOwner, target: DialTarget, mode: ReadMode) {
    this.#owner = owner;
    this.#target = target;
    const { address, tls, preface } = target;
    if (tls === undefined) this.#transport = Transport.connect(this, address, mode);
    else if (preface === undefined) this.#secure(tls.connect(this, address, mode));
    else this.#introduce(tls, address, preface);
  }

  /** The connection; once it stands, its own protocol goes on over it. */
  get transport(): Transport {
    return this.#transport!;
  }

  /** The protocol that the service chose by ALPN; empty for none. */
  get alpn(): string {
    return this.#attempt?.alpn ?? "";
  }

  #secure(attempt: TlsAttempt): void {
    this.#attempt = attempt;
    this.#transport = attempt.transport;
  }

  /** The preface is not encrypted: it goes out before TLS begins. */
  #introduce(tls: TlsClient, address: NetConnectOpts, preface: Buffer): void {
    const socket = connect({ ...address, allowHalfOpen: true, noDelay: true });
    let error: string | undefined;
    const failed = (problem: NodeJS.ErrnoException): void => {
      error = problem.code;
    };
    const closed = (): void => this.closed(error);
    this.#giveUp = () => socket.destroy();
    watch(this);
    socket.on("error", failed).once("close", closed);
    socket.once("connect", () => {
      socket.off("close", closed);
      socket.write(preface, () => {
        this.#giveUp = undefined;
        if (!this.#over && !socket.destroyed) this.#secure(tls.connectOver(this, socket));
        else this.closed(error);
      });
    });
  }

  connected(): void {
    if (this.#over) return;
    this.#over = true;
    const { preface, tls } = this.#target;
    if (preface !== undefined && tls === undefined) this.transport.write(preface);
    this.#owner.dialed(this);
  }

  /** Nobody waits for it any more. */
  abort(): void {
    this.#over = true;
    this.#destroy();
  }

  #destroy(): void {
    unwatch(this);
    this.#giveUp?.();
    this.#transport?.destroy();
  }

  closed(error: string | undefined): void {
    unwatch(this);
    if (this.#over) return;
    this.#over = true;
    this.#owner.undialed(this, this.#why(error));
  }

  #why(error: string | undefined): Failure {
    if (this.#late) return new Failure("connect_timeout");
    return this.#attempt?.failure(error) ?? new Failure("connect_failed");
  }

  sweep(now: number): void {
    const { timeout } = this.#target;
    if (this.#since === 0) this.#since = now;
    if (timeout === 0 || this.#late || now - this.#since < timeout) return;
    this.#late = true;
    this.#giveUp?.();
    this.#transport?.destroy();
  }

  received(): boolean {
    return true;
  }

  ended(): void {}

  drained(): void {}

  writeFailed(): void {}
}
