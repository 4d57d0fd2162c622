import { createHash } from "node:crypto";
import type { ServiceConfig } from "../config/schema.ts";
import type { ServiceTlsConfig } from "../config/tls-schema.ts";
import type { EndpointConfig } from "../config/values.ts";
import type { DialTarget } from "../http/dialing.ts";
import { TlsClient, type TlsClientOptions } from "../http/tls-client.ts";

const USUAL: ServiceTlsConfig = { pins: [], minVersion: "1.2", verify: true };

const made = new WeakMap<ServiceTlsConfig, Map<string, TlsClientOptions>>();

/** One object for all endpoints of a service: what is made of it is made once. */
function tlsOptions(config: ServiceTlsConfig, alpn: readonly string[]): TlsClientOptions {
  const byProtocol = made.get(config) ?? new Map<string, TlsClientOptions>();
  made.set(config, byProtocol);
  const key = alpn.join();
  const { ca, serverName, cert, key: privateKey, pins, minVersion, verify } = config;
  const options = byProtocol.get(key) ?? {
    ...{ ca, serverName, cert, key: privateKey, pins, minVersion, verify, alpn },
  };
  byProtocol.set(key, options);
  return options;
}

/**
 * How connections to an endpoint are made. Throws where certificate and key cannot be used.
 * @param alpn protocols that are offered to an https endpoint, the preferred one first
 */
export function dialTarget(
  endpoint: EndpointConfig,
  service: ServiceConfig,
  alpn: readonly string[],
): DialTarget {
  const target = plainTarget(endpoint, service);
  if (endpoint.scheme !== "https") return target;
  return { ...target, tls: new TlsClient(endpoint.host, tlsOptions(service.tls ?? USUAL, alpn)) };
}

/** How connections to an endpoint are made whose bytes are the client's own. */
export function plainTarget({ host, port, socket }: EndpointConfig, { timeouts }: ServiceConfig): DialTarget {
  const address = socket === undefined ? { host, port } : { path: socket };
  return { address, tls: undefined, timeout: timeouts.connect };
}

/** What connections to an endpoint depend on, as a key; certificates and private keys only by their hash. */
export function connectionKey(
  { scheme, host, port, socket }: EndpointConfig,
  { tls, timeouts, connections, protocol, proxyProtocol }: ServiceConfig,
): string {
  const secure = scheme === "https" ? fingerprint(JSON.stringify(tls ?? USUAL)) : undefined;
  return JSON.stringify([scheme, host, port, socket, timeouts, connections, protocol, proxyProtocol, secure]);
}

function fingerprint(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
