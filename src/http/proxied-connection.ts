import { Failure } from "../errors/failure.ts";
import { type ProxyHeader, type ProxySource, readProxyHeader } from "./proxy-header.ts";
import type { Transport, TransportOwner } from "./transport.ts";

/** What a connection that begins with a PROXY protocol header tells its server. */
export interface ProxiedOwner {
  /** The header is read: whom it names. Gives the connection that takes over, or undefined to refuse it. */
  introduced(connection: ProxiedConnection, source: ProxySource | undefined): TransportOwner | undefined;
  /** It begins with something else. */
  unproxied(connection: ProxiedConnection, failure: Failure): void;
  /** It is gone before it was introduced. */
  left(connection: ProxiedConnection): void;
}

/** A proxy's connection up to the end of its PROXY protocol header; what follows is the client's. */
export class ProxiedConnection implements TransportOwner {
  readonly #owner: ProxiedOwner;
  /** In milliseconds. */
  readonly #headerTimeout: number;
  #transport!: Transport;
  #before: Buffer | undefined = undefined;
  /** When it was first looked at. */
  #since = 0;

  constructor(owner: ProxiedOwner, headerTimeout: number) {
    this.#owner = owner;
    this.#headerTimeout = headerTimeout;
  }

  /** Called once, right after the transport was made for this connection. */
  open(transport: Transport): void {
    this.#transport = transport;
  }

  /** The transport, for the connection that takes over. */
  get transport(): Transport {
    return this.#transport;
  }

  received(bytes: Buffer, to: number, reused: boolean): boolean {
    const arrived = bytes.subarray(0, to);
    const all = this.#before === undefined ? arrived : Buffer.concat([this.#before, arrived]);
    const header = readProxyHeader(all, all.length);
    if (header === undefined) {
      this.#before = Buffer.from(all);
      return true;
    }
    if (header instanceof Failure) {
      this.#owner.unproxied(this, header);
      this.destroy();
      return false;
    }
    return this.#introduce(header, all, reused && this.#before === undefined);
  }

  #introduce({ source, end }: ProxyHeader, all: Buffer, reused: boolean): boolean {
    const next = this.#owner.introduced(this, source);
    if (next === undefined) {
      this.destroy();
      return false;
    }
    this.#transport.giveTo(next);
    return all.length === end || next.received(all.subarray(end), all.length - end, reused);
  }

  ended(): void {
    this.destroy();
  }

  drained(): void {}

  writeFailed(): void {
    this.destroy();
  }

  /** Closes at once. */
  destroy(): void {
    this.#transport.destroy();
  }

  closed(): void {
    this.#owner.left(this);
  }

  sweep(now: number): void {
    if (this.#since === 0) this.#since = now;
    if (now - this.#since < this.#headerTimeout) return;
    if (this.#before !== undefined)
      this.#owner.unproxied(this, new Failure("proxy_header_invalid", "the header took too long to arrive"));
    this.destroy();
  }
}
