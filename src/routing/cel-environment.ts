import { createRequire } from "node:module";
import type { Environment } from "@marcbachmann/cel-js";
import type { RouteFacts } from "../pipeline/ports.ts";
import { CelClientCertificate, CelTls } from "./cel-tls.ts";
import { hostOf } from "./host.ts";
import type { RequestView } from "./request-view.ts";

/** How expressions call a map of texts. */
export const TEXTS = "map<string, string>";

/** `request` as expressions see it; maps are made when one asks for them. */
export class CelRequest {
  readonly #facts: RouteFacts;
  readonly #view: RequestView;

  constructor(facts: RouteFacts, view: RequestView) {
    this.#facts = facts;
    this.#view = view;
  }

  get method(): string {
    return this.#facts.request.method;
  }

  get scheme(): string {
    return this.#facts.request.scheme;
  }

  get host(): string {
    return hostOf(this.#facts.request.authority);
  }

  get path(): string {
    return this.#facts.request.path;
  }

  get query(): ReadonlyMap<string, string> {
    return this.#view.query(this.#facts);
  }

  get cookies(): ReadonlyMap<string, string> {
    return this.#view.cookies(this.#facts);
  }

  get headers(): ReadonlyMap<string, string> {
    return this.#view.headers(this.#facts);
  }
}

/** `client` as expressions see it. */
export class CelClient {
  readonly address: string;

  constructor(address: string) {
    this.address = address;
  }
}

/**
 * An environment with what every expression may ask for: request, client, tls, clientCertificate, listener. The library costs
 * 25 ms and 1 MB, which a config without expressions does not pay.
 * @param request the class of `request`, and what it has beside method, scheme, host, path, query and headers
 */
export function createEnvironment(
  request: typeof CelRequest,
  more: Readonly<Record<string, string>> = {},
): Environment {
  const require = createRequire(import.meta.url);
  const cel = require("@marcbachmann/cel-js") as typeof import("@marcbachmann/cel-js");
  const plain = { method: "string", scheme: "string", host: "string", path: "string" };
  return new cel.Environment()
    .registerType("Request", { ctor: request, fields: { ...plain, query: TEXTS, headers: TEXTS, ...more } })
    .registerType("Client", { ctor: CelClient, fields: { address: "string" } })
    .registerType("Tls", {
      ctor: CelTls,
      fields: { version: "string", cipher: "string", serverName: "string", alpn: "string" },
    })
    .registerType("ClientCertificate", {
      ctor: CelClientCertificate,
      fields: {
        ...{ subject: "string", issuer: "string", spiffe: "string", fingerprint: "string" },
        ...{ san: "list<string>", notAfter: "google.protobuf.Timestamp" },
      },
    })
    .registerVariable("request", "Request")
    .registerVariable("client", "Client")
    .registerVariable("tls", "Tls")
    .registerVariable("clientCertificate", "ClientCertificate")
    .registerVariable("listener", "string");
}

/** The library's message without the excerpt that it draws below. */
export function summaryOf(error: unknown): string {
  const { summary, message } = error as { summary?: string; message?: string };
  return summary ?? message?.split("\n")[0] ?? String(error);
}
