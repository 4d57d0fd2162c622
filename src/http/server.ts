import type { Socket } from "node:net";
import { Failure } from "../errors/failure.ts";
import type { ListenerLimits } from "../lib/limits.ts";
import type { Peer, PeerTls } from "../lib/request.ts";
import { Http2ServerConnection } from "./h2/server-connection.ts";
import { ListeningSocket, type ServerAddress } from "./listening-socket.ts";
import { ProxiedConnection, type ProxiedOwner } from "./proxied-connection.ts";
import type { ProxySource } from "./proxy-header.ts";
import { ServerConnection } from "./server-connection.ts";
import type { RequestHandler, ServedConnection } from "./server-contract.ts";
import { TcpConnection } from "./tcp-connection.ts";
import type { TcpHandler } from "./tcp-contract.ts";
import { TlsAcceptor, type TlsAcceptorOwner } from "./tls-accept.ts";
import type { TlsSettings } from "./tls-contract.ts";
import { type ReadMode, Transport, type TransportOwner } from "./transport.ts";

/** What holds for the connections that come next. */
export interface ServerSettings {
  readonly limits: ListenerLimits;
  /** Whether an address is that of a proxy whose word on the client is believed. */
  readonly trusts: (address: string) => boolean;
  /** Whether peers on a Unix socket are such proxies. */
  readonly trustsUnix: boolean;
  /** Connections begin with a PROXY protocol header: taken from anyone, or from trusted peers only. */
  readonly proxies: "none" | "any" | "trusted";
  /** What Strict-Transport-Security says on every answer by TLS; undefined where the field is not added. */
  readonly hsts?: string | undefined;
  /** How connections speak TLS; left out: they do not. */
  readonly tls?: TlsSettings | undefined;
  /** What a connection is, where it is not HTTP: it is led elsewhere byte by byte. */
  readonly tcp?: TcpHandler | undefined;
}

/** For so long a request that may be on its way is waited for when the server stops, in milliseconds. */
const LINGER = 1_000;

/** Accepts connections on one address, within the listener's limits, and gives each to the handler. */
export class HttpServer implements ProxiedOwner, TlsAcceptorOwner {
  readonly #handler: RequestHandler;
  readonly #name: string;
  readonly #listening: ListeningSocket;
  #settings: ServerSettings | undefined = undefined;
  /** It listens on a Unix socket: its peers have no address. */
  #unix = false;
  readonly #connections = new Set<ServedConnection>();
  /** Those whose PROXY protocol header is still to come, with their sockets' own addresses. */
  readonly #unnamed = new Map<ProxiedConnection, ProxySource>();
  /** Connections that are not HTTP yet: their handshakes are under way. */
  readonly #tls = new TlsAcceptor(this);
  readonly #perAddress = new Map<string, number>();
  /** Set when it stops: how long idle connections wait for another request. */
  #linger: number | undefined = undefined;
  #empty: PromiseWithResolvers<void> | undefined = undefined;

  constructor(handler: Omit<RequestHandler, "became" | "closed">, name: string, mode: ReadMode | "auto") {
    this.#handler = {
      request: (head, downstream) => handler.request(head, downstream),
      refused: (failure, peer) => handler.refused(failure, peer),
      became: (connection, next) => this.#became(connection, next),
      closed: (connection) => this.#closed(connection),
    };
    this.#name = name;
    this.#listening = new ListeningSocket((socket, read) => this.#accept(socket, read), mode);
  }

  /** From the next connection on these hold. */
  configure(settings: ServerSettings): void {
    this.#settings = settings;
  }

  /** Listens, `shared` with other threads or alone; rejects with the system's error where the address cannot be had. */
  listen(address: ServerAddress, shared = false, replaces = false): Promise<void> {
    this.#unix = address.socket !== undefined;
    return this.#listening.listen(address, shared, replaces);
  }

  get port(): number {
    return this.#listening.port;
  }

  /** Open connections. */
  get size(): number {
    return this.#connections.size + this.#unnamed.size + this.#tls.size;
  }

  #accept(socket: Socket, mode: ReadMode): void {
    const address = plainAddress(socket.remoteAddress ?? "");
    const own = { address, port: socket.remotePort ?? 0 };
    const { limits, proxies, tls } = this.#settings!;
    const gone = address === "" && !this.#unix;
    if (gone || this.size >= limits.connections || (proxies === "none" && this.#isFull(address))) {
      drop(socket);
      return;
    }
    if (proxies === "none") {
      this.#enter(address);
      if (tls !== undefined) {
        this.#tls.accept(own, socket, mode, tls, limits.headerTimeout);
        return;
      }
      const connection = this.#connectionOf(this.#peerOf(own));
      this.#open(connection, new Transport(connection, socket, mode));
      return;
    }
    if (proxies === "trusted" && !this.#isTrusted(address)) {
      this.#refuse(new Failure("proxy_header_invalid", "the peer is not a trusted proxy"), own);
      drop(socket);
      return;
    }
    const connection = new ProxiedConnection(this, limits.headerTimeout);
    this.#unnamed.set(connection, own);
    connection.open(new Transport(connection, socket, mode));
  }

  #isFull(address: string): boolean {
    const here = this.#perAddress.get(address) ?? 0;
    return address !== "" && here >= this.#settings!.limits.connectionsPerAddress;
  }

  /** A peer without an address is on a Unix socket. */
  #isTrusted(address: string): boolean {
    const { trusts, trustsUnix } = this.#settings!;
    return address === "" ? trustsUnix : trusts(address);
  }

  #peerOf({ address, port }: ProxySource, tls?: PeerTls): Peer {
    const { trusts } = this.#settings!;
    const trusted = this.#isTrusted(address);
    const secure = tls !== undefined;
    const hsts = secure ? this.#settings!.hsts : undefined;
    return { address, port, listener: this.#name, trusted, secure, tls, hsts, trusts, memo: undefined };
  }

  #connectionOf(peer: Peer): ServedConnection {
    const { limits, tcp } = this.#settings!;
    const connection =
      tcp !== undefined
        ? new TcpConnection(tcp, this.#handler.closed, limits.headerTimeout, peer)
        : peer.tls?.alpn === "h2"
          ? new Http2ServerConnection(this.#handler, limits, peer)
          : new ServerConnection(this.#handler, limits, peer);
    this.#connections.add(connection);
    return connection;
  }

  #open(connection: ServedConnection, transport: Transport): void {
    connection.open(transport);
    if (this.#linger !== undefined) connection.stop(this.#linger);
  }

  #enter(address: string): void {
    this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1);
  }

  #leave(address: string): void {
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, left);
    this.#settle();
  }

  // ---- connections that begin with a TLS handshake

  secured(source: ProxySource, tls: PeerTls, transport: Transport): void {
    const connection = this.#connectionOf(this.#peerOf(source, tls));
    transport.giveTo(connection);
    this.#open(connection, transport);
  }

  unsecured({ address }: ProxySource): void {
    this.#leave(address);
  }

  // ---- connections that begin with a PROXY protocol header

  introduced(proxied: ProxiedConnection, source: ProxySource | undefined): TransportOwner | undefined {
    const client = source ?? this.#unnamed.get(proxied)!;
    if (this.#isFull(client.address)) return undefined;
    this.#unnamed.delete(proxied);
    this.#enter(client.address);
    const { tls, limits } = this.#settings!;
    if (tls !== undefined) return this.#tls.take(client, proxied.transport, tls, limits.headerTimeout);
    const connection = this.#connectionOf(this.#peerOf(client));
    this.#open(connection, proxied.transport);
    return connection;
  }

  unproxied(proxied: ProxiedConnection, failure: Failure): void {
    this.#refuse(failure, this.#unnamed.get(proxied)!);
  }

  left(proxied: ProxiedConnection): void {
    this.#unnamed.delete(proxied);
    this.#settle();
  }

  /** Tells of a refusal that cannot be answered: what speaks at the other end is not HTTP. */
  #refuse(failure: Failure, source: ProxySource): void {
    this.#handler.refused(failure, this.#peerOf(source));
  }

  // ---- the end

  #became(connection: ServedConnection, next: ServedConnection): void {
    this.#connections.delete(connection);
    this.#connections.add(next);
    if (this.#linger !== undefined) next.stop(this.#linger);
  }

  #closed(connection: ServedConnection): void {
    this.#connections.delete(connection);
    this.#leave(connection.peer.address);
  }

  #settle(): void {
    if (this.size === 0) this.#empty?.resolve();
  }

  /** Stops accepting, and loses nothing that waits to be accepted; open connections go on. Resolves when that is done. */
  stopAccepting(): Promise<void> {
    return this.#listening.close();
  }

  /**
   * Stops accepting, answers what is in flight or on its way, tells the clients of tunnels to go, and closes what is left
   * after `graceMs`. With 0 all closes at once.
   */
  async stop(graceMs: number): Promise<void> {
    const end = performance.now() + graceMs;
    this.#linger = Math.min(LINGER, graceMs / 2);
    for (const connection of this.#connections) connection.stop(this.#linger);
    if (graceMs > 0) await this.#listening.close(graceMs / 2);
    else this.#listening.closeNow();
    if (this.size === 0) return;
    this.#empty ??= Promise.withResolvers<void>();
    const early = setTimeout(() => this.#destroyNew(), this.#linger);
    const timer = setTimeout(() => this.#destroyAll(), Math.max(0, end - performance.now()));
    await this.#empty.promise;
    clearTimeout(early);
    clearTimeout(timer);
  }

  /** As `stop`, but tunnels go on until they end by themselves; resolves when the last has. */
  async retire(): Promise<void> {
    this.#linger = LINGER;
    for (const connection of this.#connections) connection.retire(LINGER);
    await this.#listening.close();
    if (this.size === 0) return;
    this.#empty ??= Promise.withResolvers<void>();
    const early = setTimeout(() => this.#destroyNew(), LINGER);
    await this.#empty.promise;
    clearTimeout(early);
  }

  #destroyAll(): void {
    for (const connection of this.#connections) connection.destroy();
    this.#destroyNew();
  }

  /** Whose PROXY header or handshake is still under way has asked for nothing: it gets no longer than an idle connection. */
  #destroyNew(): void {
    for (const connection of this.#unnamed.keys()) connection.destroy();
    this.#tls.destroy();
  }
}

function drop(socket: Socket): void {
  socket.on("error", () => undefined);
  socket.destroy();
}

/** IPv4 in IPv6 form as plain IPv4. */
function plainAddress(address: string): string {
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}
