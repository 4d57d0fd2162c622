import type { Server, Socket } from "node:net";
import type { ListenerLimits } from "../lib/limits.ts";
import type { Peer } from "../lib/request.ts";
import { acceptor } from "./accept.ts";
import { type RequestHandler, ServerConnection } from "./server-connection.ts";
import { type ReadMode, Transport } from "./transport.ts";

/** Where a server listens: host and port, or a Unix socket. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly socket: string | undefined;
}

/** What holds for the connections that come next. */
export interface ServerSettings {
  readonly limits: ListenerLimits;
  /** Whether a peer is a proxy whose word on the client is believed. */
  readonly trusts: (address: string) => boolean;
}

/** Accepts connections on one address, within the listener's limits, and gives each to the handler. */
export class HttpServer {
  readonly #handler: RequestHandler;
  readonly #name: string;
  readonly #server: Server;
  #settings: ServerSettings | undefined = undefined;
  readonly #connections = new Set<ServerConnection>();
  readonly #perAddress = new Map<string, number>();
  #empty: PromiseWithResolvers<void> | undefined = undefined;

  constructor(handler: Omit<RequestHandler, "closed">, name: string, mode: ReadMode | "auto") {
    this.#handler = {
      request: (head, downstream) => handler.request(head, downstream),
      refused: (failure, peer) => handler.refused(failure, peer),
      closed: (connection) => this.#closed(connection),
    };
    this.#name = name;
    this.#server = acceptor((socket, read) => this.#accept(socket, read), mode);
  }

  /** From the next connection on these hold. */
  configure(settings: ServerSettings): void {
    this.#settings = settings;
  }

  /** Listens, `shared` with other threads or alone; rejects with the system's error where the address cannot be had. */
  listen({ host, port, socket }: ServerAddress, shared = false): Promise<void> {
    const where = socket === undefined ? { host, port, reusePort: shared } : { path: socket };
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ ...where, backlog: 4_096 }, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** Open connections. */
  get size(): number {
    return this.#connections.size;
  }

  #accept(socket: Socket, mode: ReadMode): void {
    const address = plainAddress(socket.remoteAddress ?? "");
    const here = this.#perAddress.get(address) ?? 0;
    const { limits, trusts } = this.#settings!;
    if (this.#connections.size >= limits.connections || here >= limits.connectionsPerAddress) {
      socket.on("error", () => undefined);
      socket.destroy();
      return;
    }
    const port = socket.remotePort ?? 0;
    const trusted = trusts(address);
    const peer: Peer = {
      address,
      port,
      listener: this.#name,
      trusted,
      secure: false,
      trusts,
      memo: undefined,
    };
    const connection = new ServerConnection(this.#handler, limits, peer);
    this.#connections.add(connection);
    this.#perAddress.set(address, here + 1);
    connection.open(new Transport(connection, socket, mode));
  }

  #closed(connection: ServerConnection): void {
    this.#connections.delete(connection);
    const { address } = connection.peer;
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, left);
    if (this.#connections.size === 0) this.#empty?.resolve();
  }

  /** Stops accepting; open connections go on. */
  stopAccepting(): void {
    this.#server.close();
  }

  /** Stops accepting, answers what is in flight, and closes what is left after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#server.close();
    for (const connection of this.#connections) connection.stop();
    if (this.#connections.size === 0) return;
    this.#empty ??= Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy();
    }, graceMs);
    await this.#empty.promise;
    clearTimeout(timer);
  }
}

/** IPv4 in IPv6 form as plain IPv4. */
function plainAddress(address: string): string {
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}
