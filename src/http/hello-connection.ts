import { Failure } from "../errors/failure.ts";
import { type ClientHello, ClientHelloReader } from "./client-hello.ts";
import type { Transport, TransportOwner } from "./transport.ts";

/** Who is told what a client asks for as it begins to speak TLS. */
export interface HelloOwner {
  /** The hello is whole; `bytes` are all that was read so far, which nobody else will change. */
  hello(connection: HelloConnection, hello: ClientHello, bytes: Buffer): void;
  /** It is none, or the connection is gone: why, in a word. */
  noHello(connection: HelloConnection, result: string): void;
}

const HANDSHAKE = 22;

/** A connection up to the end of its TLS hello, which decides how it goes on. */
export class HelloConnection implements TransportOwner {
  readonly #owner: HelloOwner;
  /** In milliseconds. */
  readonly #timeout: number;
  readonly #reader = new ClientHelloReader();
  #transport!: Transport;
  #since = 0;
  #result = "client_left";

  constructor(owner: HelloOwner, timeout: number) {
    this.#owner = owner;
    this.#timeout = timeout;
  }

  /** Called once, right after the transport was made for this connection, or given to it. */
  open(transport: Transport): void {
    this.#transport = transport;
  }

  get transport(): Transport {
    return this.#transport;
  }

  received(bytes: Buffer, to: number): boolean {
    const hello = this.#reader.take(bytes, to);
    if (hello === undefined) return true;
    const read = this.#reader.bytes;
    if (hello instanceof Failure) this.#fail(read[0] === HANDSHAKE ? "hello_malformed" : "not_tls");
    else this.#owner.hello(this, hello, read);
    return false;
  }

  #fail(result: string): void {
    this.#result = result;
    this.#transport.destroy();
  }

  ended(): void {
    this.#transport.destroy();
  }

  drained(): void {}

  writeFailed(): void {
    this.#transport.destroy();
  }

  closed(): void {
    this.#owner.noHello(this, this.#result);
  }

  sweep(now: number): void {
    if (this.#since === 0) this.#since = now;
    if (now - this.#since >= this.#timeout) this.#fail("timeout");
  }

  /** Closes at once. */
  destroy(): void {
    this.#transport.destroy();
  }
}
