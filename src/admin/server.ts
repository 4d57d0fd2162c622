import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import type { ListenAddress } from "../config/values.ts";
import { type Answer, adminEndpoints, type Endpoint } from "./endpoints.ts";
import { guard } from "./guard.ts";
import { Parameters } from "./parameters.ts";
import { AdminProblem, type AdminSource } from "./source.ts";

export interface AdminOptions {
  readonly address: ListenAddress;
  readonly source: AdminSource;
  /** Told of failures within, with their cause; default: nobody. */
  readonly log?: (line: string) => void;
}

/** Connections at a time: nobody but a scraper, a probe and a person or two. */
const CONNECTIONS = 256;

/** For each answer: nothing is kept, framed, guessed at or loaded. */
const FIELDS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** The admin endpoints on an address of their own: for operators, not for clients. */
export class AdminServer {
  readonly #server: Server;
  readonly #address: ListenAddress;
  readonly #source: AdminSource;
  readonly #log: (line: string) => void;
  readonly #endpoints: ReadonlyMap<string, Endpoint>;

  constructor({ address, source, log }: AdminOptions) {
    this.#address = address;
    this.#source = source;
    this.#log = log ?? (() => undefined);
    this.#endpoints = new Map(adminEndpoints().map((endpoint) => [endpoint.path, endpoint]));
    const timeouts = { headersTimeout: 10_000, requestTimeout: 10_000, keepAliveTimeout: 75_000 };
    this.#server = createServer(timeouts, (request, response) => void this.#take(request, response));
    this.#server.maxConnections = CONNECTIONS;
  }

  /** Listens; rejects with the system's error where the address cannot be had. */
  listen(): Promise<void> {
    const { host, port, socket } = this.#address;
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(socket === undefined ? { host, port } : { path: socket }, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
  }

  /** The port as it is now; 0 for a Unix socket. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** Stops listening and closes every connection, also those with something under way. */
  close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    return promise;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on("error", () => undefined);
    let answer: Answer;
    let allow: string | undefined;
    try {
      guard(request, this.#address);
      const endpoint = this.#find(request);
      allow = endpoint.method === "GET" ? "GET, HEAD" : endpoint.method;
      answer = await this.#answer(endpoint, request);
    } catch (error) {
      if (!(error instanceof AdminProblem))
        this.#log(`admin ${request.method} ${path(request)}: ${shown(error)}`);
      answer = problem(error instanceof AdminProblem ? error : FAILED);
    }
    send(request, response, answer, answer.status === 405 ? allow : undefined);
  }

  #find(request: IncomingMessage): Endpoint {
    const found = this.#endpoints.get(path(request));
    if (found !== undefined) return found;
    throw new AdminProblem(404, "not_found", "there is nothing here; / lists what there is");
  }

  #answer(endpoint: Endpoint, request: IncomingMessage): Answer | Promise<Answer> {
    const method = request.method === "HEAD" ? "GET" : request.method;
    if (method !== endpoint.method)
      throw new AdminProblem(405, "method_not_allowed", `${endpoint.path} is for ${endpoint.method}`);
    if (method !== "GET" && hasBody(request))
      throw new AdminProblem(400, "body_unexpected", `${endpoint.path} takes no body, only parameters`);
    const [, query = ""] = /\?(.*)$/s.exec(request.url ?? "") ?? [];
    return endpoint.answer(this.#source, new Parameters(query, endpoint.parameters));
  }
}

/** Starts the admin endpoints. Rejects with the system's error where the address cannot be had. */
export async function startAdmin(options: AdminOptions): Promise<AdminServer> {
  const server = new AdminServer(options);
  await server.listen();
  return server;
}

const FAILED = new AdminProblem(500, "internal", "it failed; the log says why");

function path({ url = "" }: IncomingMessage): string {
  return url.split("?", 1)[0]!;
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** A problem document (RFC 9457). */
function problem({ status, reason, message, more }: AdminProblem): Answer {
  const document = {
    type: "about:blank",
    title: STATUS_CODES[status],
    status,
    reason,
    detail: message,
    ...more,
  };
  return {
    status,
    type: "application/problem+json",
    body: `${JSON.stringify(document, undefined, 2)}\n`,
  };
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, type, body, file }: Answer,
  allow: string | undefined,
): void {
  const fields: Record<string, string | number> = {
    ...FIELDS,
    "content-type": type,
    "content-length": Buffer.byteLength(body),
  };
  if (allow !== undefined) fields["allow"] = allow;
  if (file !== undefined) fields["content-disposition"] = `attachment; filename="${file}"`;
  // What it still sends is not waited for.
  if (hasBody(request)) fields["connection"] = "close";
  response.writeHead(status, fields);
  response.end(request.method === "HEAD" ? undefined : body);
}

function shown(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
