import { Failure } from "../errors/failure.ts";
import type { Peer } from "../lib/request.ts";
import { ClientHelloReader } from "./client-hello.ts";
import { Dialing, type DialingOwner } from "./dialing.ts";
import type { ServedConnection } from "./server-contract.ts";
import { unwatch, watch } from "./sweeper.ts";
import type { TcpEndpoint, TcpHandler, TcpRoute } from "./tcp-contract.ts";
import { TcpSide, type TcpSideOwner } from "./tcp-side.ts";
import type { Transport } from "./transport.ts";

/** A fatal alert: the name is not known (RFC 8446 §6). */
const UNRECOGNIZED_NAME = Buffer.from([0x15, 3, 3, 0, 2, 2, 112]);
/** How long a client has to read why it is refused, and both ends to close when all was passed on, in milliseconds. */
const LINGER = 1_000;

/** A client's connection that is led to a service byte by byte, maybe by the host that its ClientHello names. */
export class TcpConnection implements ServedConnection, TcpSideOwner, DialingOwner {
  readonly peer: Peer;
  readonly #handler: TcpHandler;
  readonly #closed: (connection: ServedConnection) => void;
  /** How long the hello may take, in milliseconds. */
  readonly #helloTimeout: number;
  /** Set while the hello is awaited. */
  #hello: ClientHelloReader | undefined;
  #serverName = "";
  #transport!: Transport;
  #route: TcpRoute | undefined = undefined;
  #endpoint: TcpEndpoint | undefined = undefined;
  #dialing: Dialing | undefined = undefined;
  #client: TcpSide | undefined = undefined;
  #service: TcpSide | undefined = undefined;
  #failure: Failure | undefined = undefined;
  #gone = false;
  readonly #began: number = performance.now();
  /** When the silence under way was first seen; 0 before that. */
  #since = 0;

  constructor(
    handler: TcpHandler,
    closed: (connection: ServedConnection) => void,
    helloTimeout: number,
    peer: Peer,
  ) {
    this.#handler = handler;
    this.#closed = closed;
    this.#helloTimeout = helloTimeout;
    this.peer = peer;
    this.#hello = handler.looksAtHello ? new ClientHelloReader() : undefined;
  }

  open(transport: Transport): void {
    this.#transport = transport;
    if (this.#hello === undefined) this.#begin();
  }

  received(bytes: Buffer, to: number, reused: boolean): boolean {
    if (this.#client !== undefined) return this.#client.received(bytes, to, reused);
    const reader = this.#hello;
    if (reader === undefined) return true; // refused: what still comes is thrown away
    const hello = reader.take(bytes, to);
    if (hello === undefined) return true;
    this.#hello = undefined;
    if (hello instanceof Failure) {
      this.#refuse(hello);
      return true;
    }
    this.#serverName = hello.serverName;
    this.#begin();
    const first = reader.bytes;
    const client = this.#client as TcpSide | undefined;
    return client?.received(first, first.length, false) ?? true;
  }

  #begin(): void {
    const { localAddress: address = "", localPort: port = 0 } = this.#transport.socket;
    const route = this.#handler.route(this.#serverName, this.peer, { address, port });
    if (route instanceof Failure) {
      this.#refuse(route);
      return;
    }
    this.#route = route;
    this.#client = new TcpSide(this, this.#transport);
    this.#dial();
  }

  #dial(): void {
    const endpoint = this.#route!.next();
    if (endpoint === undefined) {
      this.#endpoint = undefined;
      this.#refuse(this.#failure ?? new Failure("no_endpoint"));
      return;
    }
    this.#endpoint = endpoint;
    const mode = this.#transport.takesBuffers ? "onread" : "data";
    this.#dialing = new Dialing(this, endpoint.target, mode);
  }

  dialed({ transport }: Dialing): void {
    this.#dialing = undefined;
    this.#failure = undefined;
    const client = this.#client!;
    const service = new TcpSide(this, transport);
    transport.giveTo(service);
    this.#service = service;
    client.take(service);
    service.take(client);
    this.stirred();
  }

  undialed(_dialing: Dialing, failure: Failure): void {
    this.#dialing = undefined;
    this.#failure = failure;
    this.#dial();
  }

  /** Ends what was not led anywhere. */
  #refuse(failure: Failure): void {
    this.#failure = failure;
    this.#hello = undefined;
    if (failure.code !== "server_name_unknown") {
      this.#transport.reset();
      return;
    }
    this.#transport.write(UNRECOGNIZED_NAME);
    this.#transport.endWrite();
  }

  ended(): void {
    if (this.#client !== undefined) this.#client.ended();
    else this.#transport.destroy();
  }

  drained(): void {
    this.#client?.drained();
  }

  writeFailed(): void {
    this.#transport.destroy();
  }

  stirred(): void {
    this.#since = 0;
  }

  /** One end is gone: so is the other, once it has what the first has sent whole. */
  sideClosed(side: TcpSide, whole: boolean): void {
    const other = side === this.#client ? this.#service : this.#client;
    if (!whole) other?.reset();
    if (this.#gone && side === this.#service) this.#finish();
  }

  /** What is open goes on until it ends, or the server's patience does. */
  stop(): void {}

  retire(): void {}

  destroy(): void {
    this.#service?.destroy();
    this.#transport.destroy();
  }

  closed(error: string | undefined): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#dialing?.abort();
    this.#client?.closed(error);
    // What the service is still sent may stay for ever where it does not read: it counts, and has the same patience.
    if (this.#service?.isClosed === false) watch(this);
    else this.#finish();
  }

  /** Both ends are gone. */
  #finish(): void {
    unwatch(this);
    this.#handler.over({
      peer: this.peer,
      serverName: this.#serverName,
      service: this.#route?.service ?? "",
      endpoint: this.#endpoint?.url ?? "",
      bytesFromClient: this.#client?.incoming.received ?? 0,
      bytesToClient: this.#service?.incoming.received ?? 0,
      milliseconds: performance.now() - this.#began,
      failure: this.#failure,
    });
    this.#closed(this);
  }

  sweep(now: number): void {
    if (this.#since === 0) this.#since = now;
    const silent = now - this.#since;
    if (this.#hello !== undefined) {
      // Bytes of a hello do not start the wait anew.
      if (now - this.#began >= this.#helloTimeout) this.#refuse(new Failure("tls_hello_timeout"));
    } else if (this.#client === undefined || this.#isOver) {
      if (silent >= LINGER) this.destroy();
    } else if (this.#service !== undefined) this.#sweepIdle(silent);
  }

  /** Each end has said all, and was sent all. */
  get #isOver(): boolean {
    const client = this.#client!;
    const service = this.#service;
    return client.over && service?.over === true && client.flushed && service.flushed;
  }

  #sweepIdle(silent: number): void {
    const { idleTimeout } = this.#handler;
    if (idleTimeout === 0 || silent < idleTimeout) return;
    this.#failure = new Failure("tcp_idle");
    this.destroy();
  }
}
