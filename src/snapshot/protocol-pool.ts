import type { ServiceConfig } from "../config/schema.ts";
import type { EndpointConfig } from "../config/values.ts";
import type { EndpointPool } from "../http/client-contract.ts";
import type { DialTarget } from "../http/dialing.ts";
import { NegotiatedPool } from "../http/h2/negotiated-pool.ts";
import { Http2Pool } from "../http/h2/pool.ts";
import { Pool, type PoolOptions } from "../http/pool.ts";
import { dialTarget } from "./dial-target.ts";

/** Requests that one HTTP/2 connection to a service carries at a time, where nothing is said. */
const STREAMS = 100;

/** What carries requests to an endpoint, by the protocol that it speaks or may choose. */
export function protocolPool(
  endpoint: EndpointConfig,
  service: ServiceConfig,
  options: PoolOptions,
): EndpointPool {
  const protocol = service.protocol ?? "auto";
  const chooses = endpoint.scheme === "https" && protocol === "auto";
  if (!chooses && protocol !== "http2" && endpoint.scheme !== "h2c") return new Pool(options);
  const { preface } = options.target;
  const targetOf = (...alpn: readonly string[]): DialTarget => ({
    ...dialTarget(endpoint, service, alpn),
    preface,
  });
  const streams = service.connections.streams ?? STREAMS;
  const http2 = { ...options, streams, target: targetOf("h2") };
  if (!chooses) return new Http2Pool(http2);
  const both = targetOf("h2", "http/1.1");
  return new NegotiatedPool(
    both,
    options.mode,
    () => new Pool(options),
    () => new Http2Pool(http2),
    options.places,
  );
}
