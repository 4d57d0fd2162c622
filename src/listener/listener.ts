import type { Config, ListenerConfig } from "../config/schema.ts";
import type { ListenAddress } from "../config/values.ts";
import { Failure } from "../errors/failure.ts";
import { HttpServer } from "../http/server.ts";
import type { ServerDownstream } from "../http/server-contract.ts";
import { networkSet } from "../lib/ip.ts";
import { DEFAULT_LIMITS, type ListenerLimits } from "../lib/limits.ts";
import { normalizePath, type PathRules } from "../lib/path.ts";
import type { Reply } from "../lib/reply.ts";
import type { Peer, RequestHead } from "../lib/request.ts";
import { Exchange } from "../pipeline/exchange.ts";
import { handle } from "../pipeline/handle.ts";
import type { Snapshot } from "../pipeline/ports.ts";
import { refuse } from "../pipeline/refuse.ts";
import type { ListenersOptions } from "./listeners.ts";

/** Joins the wire to the pipeline: every request becomes an exchange of the snapshot that serves when it arrives. */
export class Listener {
  readonly name: string;
  readonly #address: ListenAddress;
  readonly #server: HttpServer;
  readonly #options: ListenersOptions;
  #paths!: PathRules;
  /** Serves what comes before the listener is in force. */
  #ready: Snapshot | undefined;

  constructor(config: ListenerConfig, whole: Config, options: ListenersOptions, ready?: Snapshot) {
    this.#ready = ready;
    this.name = config.name;
    this.#address = config.address;
    this.#options = options;
    this.#server = new HttpServer(
      {
        request: (head, downstream) => this.#request(head, downstream),
        refused: (failure, peer) => this.#refused(failure, peer),
      },
      config.name,
      options.mode,
    );
    this.configure(config, whole);
  }

  /** Takes limits and trust from a config; open connections keep theirs. */
  configure(config: ListenerConfig, { limits: shared, paths }: Config): void {
    this.#paths = paths;
    const limits = Object.freeze({ ...DEFAULT_LIMITS, ...defined(shared), ...defined(config.limits) });
    const { trusted, proxyProtocol } = config;
    this.#server.configure({
      limits: limits as ListenerLimits,
      trusts: networkSet(trusted.filter((peer) => peer !== "unix")),
      trustsUnix: trusted.includes("unix"),
      proxies: proxyProtocol ? (trusted.length === 0 ? "any" : "trusted") : "none",
    });
  }

  #request(head: RequestHead, downstream: ServerDownstream): void {
    const path = normalizePath(head.path, this.#paths);
    if (path === undefined) {
      downstream.goAway(0);
      downstream.send(this.#refused(new Failure("path_invalid"), downstream.peer, head));
      return;
    }
    head.path = path;
    const x = new Exchange(this.#ready ?? this.#options.current(), downstream, head);
    downstream.attach(x);
    handle(x);
  }

  /** The answer to what no policy is asked about. */
  #refused(failure: Failure, peer: Peer, head?: RequestHead): Reply {
    this.#options.refused(failure, this.name);
    return refuse(this.#ready ?? this.#options.current(), failure, peer, head);
  }

  /** Listens; `replaces` who listens on the same Unix socket. */
  listen(replaces: boolean): Promise<void> {
    return this.#server.listen(this.#address, this.#options.shared, replaces);
  }

  /** It is in force. */
  enter(): void {
    this.#ready = undefined;
  }

  /** Whether it listens on this address. */
  standsOn({ host, port, socket }: ListenAddress): boolean {
    const here = this.#address;
    return here.host === host && here.port === port && here.socket === socket;
  }

  /** `host:port` as it is now, or `unix:/path`. */
  get address(): string {
    const { host, socket } = this.#address;
    if (socket !== undefined) return `unix:${socket}`;
    return `${host.includes(":") ? `[${host}]` : host}:${this.port}`;
  }

  get port(): number {
    return this.#server.port;
  }

  get connections(): number {
    return this.#server.size;
  }

  /** Stops accepting; what is open goes on. */
  stopAccepting(): Promise<void> {
    return this.#server.stopAccepting();
  }

  stop(graceMs: number): Promise<void> {
    return this.#server.stop(graceMs);
  }
}

function defined<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}
