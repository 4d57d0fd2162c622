import type { TcpConfig } from "../config/tcp-schema.ts";
import { Failure } from "../errors/failure.ts";
import { composeProxyHeader } from "../http/compose-proxy-header.ts";
import type { ProxySource } from "../http/proxy-header.ts";
import type { TcpEndpoint, TcpHandler, TcpRecord, TcpRoute } from "../http/tcp-contract.ts";
import type { Peer } from "../lib/request.ts";
import type { Endpoint, Service } from "../service/service.ts";

/** What a TCP listener needs from around it. */
export interface TcpRoutesOptions {
  /** A service of the snapshot that serves what arrives now. */
  readonly service: (name: string) => Service | undefined;
  /** Told of each connection that is over. */
  readonly over: (record: TcpRecord) => void;
}

/** Where the connections of one listener go: all to one service, or each by the host that it asks for. */
export class TcpRoutes implements TcpHandler {
  readonly looksAtHello: boolean;
  readonly idleTimeout: number;
  readonly #config: TcpConfig;
  readonly #options: TcpRoutesOptions;
  readonly #byHost: ReadonlyMap<string, string>;

  constructor(config: TcpConfig, options: TcpRoutesOptions) {
    this.#config = config;
    this.#options = options;
    this.#byHost = new Map(Object.entries(config.sni ?? {}));
    this.looksAtHello = config.service === undefined;
    this.idleTimeout = config.idleTimeout;
  }

  route(serverName: string, peer: Peer, destination: ProxySource): TcpRoute | Failure {
    const name = this.#config.service ?? this.#serviceOf(serverName) ?? this.#config.default;
    if (name === undefined) return new Failure("server_name_unknown");
    const service = this.#options.service(name);
    if (service === undefined) return new Failure("no_endpoint");
    return new Round(service, peer, destination);
  }

  /** The host itself, else the nearest parent with a star. */
  #serviceOf(host: string): string | undefined {
    const found = this.#byHost.get(host);
    if (found !== undefined) return found;
    for (let dot = host.indexOf("."); dot !== -1; dot = host.indexOf(".", dot + 1)) {
      const below = this.#byHost.get(`*${host.slice(dot)}`);
      if (below !== undefined) return below;
    }
    return undefined;
  }

  over(record: TcpRecord): void {
    this.#options.over(record);
  }
}

/** The endpoints of a service for one connection, in the order in which they are tried. */
class Round implements TcpRoute {
  readonly service: string;
  readonly #service: Service;
  readonly #preface: Buffer | undefined;
  readonly #tried: Endpoint[] = [];

  constructor(service: Service, { address, port }: Peer, destination: ProxySource) {
    const { proxyProtocol } = service;
    this.service = service.name;
    this.#service = service;
    this.#preface = proxyProtocol && composeProxyHeader(proxyProtocol, { address, port }, destination);
  }

  next(): TcpEndpoint | undefined {
    const { balancer, endpoints } = this.#service;
    const endpoint = balancer.pick(undefined, endpoints, this.#tried);
    if (endpoint === undefined) return undefined;
    this.#tried.push(endpoint);
    const { url, target } = endpoint;
    return { url, target: this.#preface === undefined ? target : { ...target, preface: this.#preface } };
  }
}
