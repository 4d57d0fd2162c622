import type { Config, ListenerConfig } from "../config/schema.ts";
import type { ListenAddress } from "../config/values.ts";
import type { Failure } from "../errors/failure.ts";
import { problemReply } from "../errors/reply.ts";
import { HttpServer } from "../http/server.ts";
import type { ServerConnection } from "../http/server-connection.ts";
import { networkSet } from "../lib/ip.ts";
import { DEFAULT_LIMITS, type ListenerLimits } from "../lib/limits.ts";
import type { Reply } from "../lib/reply.ts";
import type { RequestHead } from "../lib/request.ts";
import { requestId } from "../lib/request-id.ts";
import { Exchange } from "../pipeline/exchange.ts";
import { handle } from "../pipeline/handle.ts";
import type { ListenersOptions } from "./listeners.ts";

/** Joins the wire to the pipeline: every request becomes an exchange of the snapshot that serves when it arrives. */
export class Listener {
  readonly name: string;
  readonly #address: ListenAddress;
  readonly #server: HttpServer;
  readonly #options: ListenersOptions;

  constructor(config: ListenerConfig, whole: Config, options: ListenersOptions) {
    this.name = config.name;
    this.#address = config.address;
    this.#options = options;
    this.#server = new HttpServer(
      {
        request: (head, downstream) => this.#request(head, downstream),
        refused: (failure) => this.#refused(failure),
      },
      config.name,
      options.mode,
    );
    this.configure(config, whole);
  }

  /** Takes limits and trust from a config; open connections keep theirs. */
  configure(config: ListenerConfig, { limits: shared }: Config): void {
    const limits = Object.freeze({ ...DEFAULT_LIMITS, ...defined(shared), ...defined(config.limits) });
    this.#server.configure({ limits: limits as ListenerLimits, trusts: networkSet(config.trusted) });
  }

  #request(head: RequestHead, downstream: ServerConnection): void {
    const x = new Exchange(this.#options.current(), downstream, head);
    downstream.attach(x);
    handle(x);
  }

  /** The answer to what never became an exchange. */
  #refused(failure: Failure): Reply {
    this.#options.refused(failure);
    return problemReply(failure.code, requestId(), failure.detail);
  }

  listen(): Promise<void> {
    return this.#server.listen(this.#address, this.#options.shared);
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
  stopAccepting(): void {
    this.#server.stopAccepting();
  }

  stop(graceMs: number): Promise<void> {
    return this.#server.stop(graceMs);
  }
}

function defined<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}
