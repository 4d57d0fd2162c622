import type { ListenerConfig } from "../config/schema.ts";
import type { Failure } from "../errors/failure.ts";
import { problemReply } from "../errors/reply.ts";
import { HttpServer } from "../http/server.ts";
import type { ReadMode } from "../http/transport.ts";
import { networkSet } from "../lib/ip.ts";
import { DEFAULT_LIMITS, type ListenerLimits } from "../lib/limits.ts";
import type { Reply } from "../lib/reply.ts";
import { requestId } from "../lib/request-id.ts";
import { Exchange } from "../pipeline/exchange.ts";
import { handle } from "../pipeline/handle.ts";
import type { Snapshot } from "../pipeline/ports.ts";

/** Joins the wire to the pipeline: every request becomes an exchange of the snapshot that serves when it arrives. */
export class Listener {
  readonly name: string;
  readonly #config: ListenerConfig;
  readonly #server: HttpServer;

  constructor(
    config: ListenerConfig,
    shared: Partial<ListenerLimits>,
    current: () => Snapshot,
    refused: (failure: Failure) => void,
    mode: ReadMode | "auto",
  ) {
    this.name = config.name;
    this.#config = config;
    const limits = Object.freeze({ ...DEFAULT_LIMITS, ...shared, ...config.limits }) as ListenerLimits;
    this.#server = new HttpServer(
      {
        request: (head, downstream) => {
          const x = new Exchange(current(), downstream, head);
          downstream.attach(x);
          handle(x);
        },
        refused: (failure) => {
          refused(failure);
          return refusal(failure);
        },
      },
      limits,
      networkSet(config.trusted),
      mode,
    );
  }

  listen(): Promise<void> {
    return this.#server.listen(this.#config.address);
  }

  /** `host:port` as it is now. */
  get address(): string {
    const { host } = this.#config.address;
    return `${host.includes(":") ? `[${host}]` : host}:${this.port}`;
  }

  get port(): number {
    return this.#server.port;
  }

  get connections(): number {
    return this.#server.size;
  }

  stop(graceMs: number): Promise<void> {
    return this.#server.stop(graceMs);
  }
}

/** The answer to what never became an exchange. */
function refusal(failure: Failure): Reply {
  return problemReply(failure.code, requestId(), failure.detail);
}
