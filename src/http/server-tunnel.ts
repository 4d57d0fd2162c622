import type { BodySink } from "../lib/body.ts";
import type { Tunnel } from "../lib/reply.ts";
import type { BodyWriter } from "./body-writer.ts";
import type { IncomingBody } from "./incoming-body.ts";
import type { Transport } from "./transport.ts";

/** A client's connection after 101: both directions pass bytes and end each on its own (RFC 9110 §7.8). */
export class ServerTunnel {
  readonly #tunnel: Tunnel;
  readonly #incoming: IncomingBody;
  readonly #outgoing: BodyWriter;
  readonly #transport: Transport;
  readonly #over: () => void;
  #inDone = false;
  #outDone = false;

  constructor(
    tunnel: Tunnel,
    incoming: IncomingBody,
    outgoing: BodyWriter,
    transport: Transport,
    over: () => void,
  ) {
    this.#tunnel = tunnel;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#transport = transport;
    this.#over = over;
  }

  start(): void {
    this.#outgoing.write(this.#tunnel.incoming);
    this.#incoming.start(this.#tunnel.outgoing satisfies BodySink);
  }

  /** The client sent its end; the service was told. */
  incomingEnded(): void {
    this.#inDone = true;
    this.#settle();
  }

  /** The service sent its end: so do we. */
  outgoingEnded(): void {
    this.#outDone = true;
    this.#transport.endWrite();
    this.#settle();
  }

  closed(): void {
    this.#tunnel.abort();
  }

  #settle(): void {
    if (this.#inDone && this.#outDone) this.#over();
  }
}
