/** A real service that speaks HTTP/1.1 over TLS. */
import { once } from "node:events";
import { createServer } from "node:https";
import type { TlsOptions } from "node:tls";
import { type Handler, Service, seenOf } from "./service.ts";

/** A service behind TLS, with what its handshakes told. */
export class TlsService extends Service {
  /** Of each handshake that succeeded, whether it resumed a session. */
  readonly resumed: boolean[] = [];

  /** `https://127.0.0.1:port`. */
  override get url(): string {
    return this.urlAt("127.0.0.1");
  }

  /** Its address under another name. */
  urlAt(host: string): string {
    return `https://${host}:${this.port}`;
  }
}

/** Starts a service on node:https that never closes an idle connection by itself. */
export async function startTlsService(options: TlsOptions, handler: Handler, port = 0): Promise<TlsService> {
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 120_000, ...options });
  const service = new TlsService(server);
  server.on("secureConnection", (socket) => service.resumed.push(socket.isSessionReused()));
  server.on("tlsClientError", () => undefined);
  server.on("request", (request, response) => {
    service.seen.push(seenOf(request));
    service.run(() => handler(request, response, service));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return service;
}
