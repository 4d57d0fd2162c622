import type { Config, ListenerConfig } from "../config/schema.ts";
import type { TcpConfig } from "../config/tcp-schema.ts";
import type { ListenAddress } from "../config/values.ts";
import { Failure } from "../errors/failure.ts";
import { HttpServer } from "../http/server.ts";
import type { ServerDownstream } from "../http/server-contract.ts";
import { networkSet } from "../lib/ip.ts";
import { DEFAULT_HTTP2, DEFAULT_LIMITS, type ListenerLimits } from "../lib/limits.ts";
import { normalizePath, type PathRules } from "../lib/path.ts";
import type { Reply } from "../lib/reply.ts";
import type { Peer, RequestHead } from "../lib/request.ts";
import { Exchange } from "../pipeline/exchange.ts";
import { handle } from "../pipeline/handle.ts";
import { refuse } from "../pipeline/refuse.ts";
import { addTransportSecurity, transportSecurity } from "../pipeline/transport-security.ts";
import type { CompiledSnapshot as Snapshot } from "../snapshot/compile.ts";
import type { ListenersOptions } from "./listeners.ts";
import { OwnAnswers } from "./own-answers.ts";
import { TcpRoutes } from "./tcp-routes.ts";
import type { TlsContexts } from "./tls/contexts.ts";

/** Joins the wire to the pipeline: every request becomes an exchange of the snapshot that serves when it arrives. */
export class Listener {
  readonly name: string;
  readonly #address: ListenAddress;
  readonly #server: HttpServer;
  readonly #options: ListenersOptions;
  #paths!: PathRules;
  /** Undefined where it answers nothing by itself. */
  #own: OwnAnswers | undefined;
  /** Undefined for plain connections. */
  #tls: TlsContexts | undefined;
  /** Serves what comes before the listener is in force. */
  #ready: Snapshot | undefined;

  constructor(
    config: ListenerConfig,
    whole: Config,
    options: ListenersOptions,
    tls?: TlsContexts,
    ready?: Snapshot,
  ) {
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
    this.configure(config, whole, tls);
  }

  /** Takes limits and trust from a config; open connections keep theirs. */
  configure(config: ListenerConfig, whole: Config, tls?: TlsContexts): void {
    const { limits: shared, paths } = whole;
    this.#paths = paths;
    this.#own = OwnAnswers.of(config, whole);
    this.#tls = tls;
    const http2 = { ...DEFAULT_HTTP2, ...defined(config.http2) };
    const limits = Object.freeze({ ...DEFAULT_LIMITS, ...defined(shared), ...defined(config.limits), http2 });
    const { trusted, proxyProtocol } = config;
    this.#server.configure({
      limits: limits as ListenerLimits,
      trusts: networkSet(trusted.filter((peer) => peer !== "unix")),
      trustsUnix: trusted.includes("unix"),
      proxies: proxyProtocol ? (trusted.length === 0 ? "any" : "trusted") : "none",
      tls,
      hsts: config.tls?.hsts && transportSecurity(config.tls.hsts),
      tcp: config.tcp && this.#tcpRoutes(config.tcp),
    });
  }

  #tcpRoutes(config: TcpConfig): TcpRoutes {
    return new TcpRoutes(config, {
      service: (name) => (this.#ready ?? this.#options.current()).services.get(name)?.service,
      over: (record) => this.#options.passed(record, this.name),
    });
  }

  #request(head: RequestHead, downstream: ServerDownstream): void {
    const written = head.path;
    const path = normalizePath(written, this.#paths);
    if (path === undefined) {
      downstream.goAway(0);
      downstream.send(this.#refused(new Failure("path_invalid"), downstream.peer, head));
      return;
    }
    head.path = path;
    if (this.#isMisdirected(head, downstream.peer)) {
      downstream.send(this.#refused(new Failure("misdirected_request"), downstream.peer, head));
      return;
    }
    const x = new Exchange(this.#ready ?? this.#options.current(), downstream, head);
    downstream.attach(x);
    if (this.#own === undefined) handle(x);
    else this.#own.take(x, written);
  }

  /** Whether the host that is asked for demands other client certificates than those of this connection (RFC 9110 §15.5.20). */
  #isMisdirected({ authority }: RequestHead, { tls }: Peer): boolean {
    const contexts = this.#tls;
    if (contexts === undefined || contexts.requirements.none) return false;
    return !contexts.admits(authority, tls?.requirement ?? "");
  }

  /** The TLS side of it, undefined for plain connections. */
  get tls(): TlsContexts | undefined {
    return this.#tls;
  }

  /** The answer to what no policy is asked about. */
  #refused(failure: Failure, peer: Peer, head?: RequestHead): Reply {
    this.#options.refused(failure, this.name);
    const reply = refuse(this.#ready ?? this.#options.current(), failure, peer, head);
    addTransportSecurity(reply, peer);
    return reply;
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

  /** As `stop`, but tunnels go on until they end by themselves. */
  retire(): Promise<void> {
    return this.#server.retire();
  }

  stop(graceMs: number): Promise<void> {
    return this.#server.stop(graceMs);
  }
}

function defined<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}
