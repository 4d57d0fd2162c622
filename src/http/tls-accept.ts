import type { Socket } from "node:net";
import type { PeerTls } from "../lib/request.ts";
import type { ClientHello } from "./client-hello.ts";
import { HelloConnection, type HelloOwner } from "./hello-connection.ts";
import type { ProxySource } from "./proxy-header.ts";
import { ACME_PROTOCOL, type TlsContext, type TlsSettings } from "./tls-contract.ts";
import { type HandshakeOwner, TlsHandshake } from "./tls-handshake.ts";
import { type ReadMode, Transport } from "./transport.ts";

/** Who is told what becomes of connections that begin with TLS. */
export interface TlsAcceptorOwner {
  /** The handshake is done: the transport is given to whoever speaks the protocol that was agreed on. */
  secured(source: ProxySource, tls: PeerTls, transport: Transport): void;
  /** The connection is gone before that. */
  unsecured(source: ProxySource): void;
}

/** What is known of a connection whose handshake is under way. */
interface Opening {
  readonly source: ProxySource;
  readonly settings: TlsSettings;
  /** In milliseconds, for the hello and for what follows it. */
  readonly timeout: number;
}

/**
 * Takes accepted connections through their TLS handshakes. Where hosts differ in certificates or in what they ask of
 * clients, the hello is read first and the handshake begun with what that host has: nothing of another host's can be
 * resumed then, which choosing in the midst of the handshake would allow.
 */
export class TlsAcceptor implements HandshakeOwner, HelloOwner {
  readonly #owner: TlsAcceptorOwner;
  readonly #opening = new Map<TlsHandshake | HelloConnection, Opening>();

  constructor(owner: TlsAcceptorOwner) {
    this.#owner = owner;
  }

  /** Handshakes under way. */
  get size(): number {
    return this.#opening.size;
  }

  /** Begins on an accepted socket. */
  accept(source: ProxySource, socket: Socket, mode: ReadMode, settings: TlsSettings, timeout: number): void {
    const opening: Opening = { source, settings, timeout };
    if (settings.only !== undefined) {
      this.#begin(opening, settings.only, socket, mode);
      return;
    }
    const reader = new HelloConnection(this, timeout);
    this.#opening.set(reader, opening);
    reader.open(new Transport(reader, socket, mode));
  }

  /** Begins on a connection that was read already; gives who reads on, for the transport to be given to. */
  take(source: ProxySource, transport: Transport, settings: TlsSettings, timeout: number): HelloConnection {
    const reader = new HelloConnection(this, timeout);
    this.#opening.set(reader, { source, settings, timeout });
    reader.open(transport);
    return reader;
  }

  hello(reader: HelloConnection, hello: ClientHello, bytes: Buffer): void {
    const opening = this.#opening.get(reader)!;
    this.#opening.delete(reader);
    const mode = reader.transport.takesBuffers ? "onread" : "data";
    const socket = reader.transport.release();
    const { settings } = opening;
    const context = settings.only ?? settings.choose(hello);
    if (context !== undefined) {
      this.#begin(opening, context, socket, mode, hello.serverName, bytes);
      return;
    }
    socket.on("error", () => undefined);
    socket.destroy();
    this.#lost(opening, "no_host");
  }

  #begin(
    opening: Opening,
    context: TlsContext,
    socket: Socket,
    mode: ReadMode,
    serverName?: string,
    bytes?: Buffer,
  ): void {
    const handshake = new TlsHandshake(this, context, opening.timeout, serverName);
    this.#opening.set(handshake, opening);
    handshake.begin(socket, mode, bytes);
  }

  noHello(reader: HelloConnection, result: string): void {
    this.#end(reader, result);
  }

  secured(handshake: TlsHandshake, tls: PeerTls, transport: Transport): void {
    // The handshake was all that a CA wants; it asked nothing of the client, so nobody may speak on.
    if (tls.alpn === ACME_PROTOCOL) return;
    const { source, settings } = this.#opening.get(handshake)!;
    this.#opening.delete(handshake);
    settings.counted("ok");
    this.#owner.secured(source, tls, transport);
  }

  unsecured(handshake: TlsHandshake, result: string): void {
    this.#end(handshake, result);
  }

  #end(which: TlsHandshake | HelloConnection, result: string): void {
    const opening = this.#opening.get(which);
    if (opening === undefined) return;
    this.#opening.delete(which);
    this.#lost(opening, result);
  }

  #lost({ source, settings }: Opening, result: string): void {
    settings.counted(result);
    this.#owner.unsecured(source);
  }

  /** Closes all at once. */
  destroy(): void {
    for (const which of [...this.#opening.keys()]) which.destroy();
  }
}
