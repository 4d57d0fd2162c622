import { createRequire } from "node:module";
import type { Environment } from "@marcbachmann/cel-js";
import type { RouteFacts } from "../pipeline/ports.ts";
import { CelClientCertificate, CelTls, celClientCertificate, celTls } from "./cel-tls.ts";
import { hostOf } from "./host.ts";
import type { RequestView } from "./request-view.ts";

/** A CEL expression over a request: true, false, or why it could not be evaluated. */
export type Expression = (facts: RouteFacts, view: RequestView) => boolean | Error;

/** `request` as expressions see it; maps are made when one asks for them. */
class CelRequest {
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

  get headers(): ReadonlyMap<string, string> {
    return this.#view.headers(this.#facts);
  }
}

class CelClient {
  readonly address: string;

  constructor(address: string) {
    this.address = address;
  }
}

let environment: Environment | undefined;

/** Loaded by the first expression: 25 ms and 1 MB that a config without one does not pay. */
function environmentOf(): Environment {
  if (environment !== undefined) return environment;
  const require = createRequire(import.meta.url);
  const cel = require("@marcbachmann/cel-js") as typeof import("@marcbachmann/cel-js");
  const map = "map<string, string>";
  const request = { method: "string", scheme: "string", host: "string", path: "string" };
  environment = new cel.Environment()
    .registerType("Request", { ctor: CelRequest, fields: { ...request, query: map, headers: map } })
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
  return environment;
}

/** Compiles a CEL expression that must be a condition. Throws an Error that says what is wrong with it. */
export function compileExpression(text: string): Expression {
  const run = parsed(text);
  return (facts, view) => {
    try {
      const value: unknown = run({
        request: new CelRequest(facts, view),
        client: new CelClient(facts.clientAddress),
        tls: celTls(facts.tls),
        clientCertificate: celClientCertificate(facts.tls?.certificate),
        listener: facts.listener,
      });
      return value === true ? true : value === false ? false : new Error("it is neither true nor false");
    } catch (error) {
      return new Error(summaryOf(error));
    }
  };
}

function parsed(text: string): ReturnType<Environment["parse"]> {
  let made: ReturnType<Environment["parse"]>;
  try {
    made = environmentOf().parse(text);
  } catch (error) {
    throw new Error(`${JSON.stringify(text)} is not a CEL expression: ${summaryOf(error)}`);
  }
  const { valid, type, error } = made.check();
  if (!valid) throw new Error(`${JSON.stringify(text)} has an error: ${summaryOf(error)}`);
  if (type !== "bool" && type !== "dyn")
    throw new Error(`${JSON.stringify(text)} gives ${type}, not true or false`);
  return made;
}

/** The library's message without the excerpt that it draws below. */
function summaryOf(error: unknown): string {
  const { summary, message } = error as { summary?: string; message?: string };
  return summary ?? message?.split("\n")[0] ?? String(error);
}
