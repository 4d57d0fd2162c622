import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { type Field, type Framing, fieldValue, framingOf, type Head, joined, Wire } from "./wire.ts";

/** One request as the service got it. */
export interface Seen {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly fields: readonly Field[];
}

/** A real service on a port of 127.0.0.1; what its script throws is kept in `failures`. */
export class Service implements AsyncDisposable {
  readonly server: Server;
  /** The heads of all requests, in the order in which they came. */
  readonly seen: Seen[] = [];
  /** Connections that are open now, the oldest first. */
  readonly open: Set<Socket> = new Set<Socket>();
  readonly failures: unknown[] = [];
  /** Connections that were ever accepted. */
  connections = 0;
  /** The most connections that were open at once. */
  mostOpen = 0;

  constructor(server: Server) {
    this.server = server;
    server.on("connection", (socket: Socket) => {
      this.connections++;
      this.open.add(socket);
      this.mostOpen = Math.max(this.mostOpen, this.open.size);
      socket.on("close", () => this.open.delete(socket));
    });
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The targets of all requests so far. */
  get targets(): string[] {
    return this.seen.map(({ target }) => target);
  }

  /** Refuses new connections and drops the open ones. */
  async stop(): Promise<void> {
    if (!this.server.listening) return;
    const closed = once(this.server, "close");
    this.server.close();
    for (const socket of this.open) socket.destroy();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Runs a piece of the script; what it throws fails the test. */
  run(script: () => void | Promise<void>): void {
    Promise.try(script).catch((error: unknown) => this.failures.push(error));
  }
}

/** Answers one request of a service on node:http. */
export type Handler = (
  request: IncomingMessage,
  response: ServerResponse,
  service: Service,
) => void | Promise<void>;

/** Starts a service on node:http that never closes an idle connection by itself. */
export async function startService(handler: Handler, port = 0): Promise<Service> {
  const server = createHttpServer({ maxHeaderSize: 131_072, requestTimeout: 0, keepAliveTimeout: 120_000 });
  const service = new Service(server);
  server.on("request", (request, response) => {
    service.seen.push(seenOf(request));
    service.run(() => handler(request, response, service));
  });
  return listening(service, port);
}

/** The head of a request as node:http parsed it. */
export function seenOf(request: IncomingMessage): Seen {
  const { method = "", url: target = "", httpVersion: version, rawHeaders } = request;
  return { method, target, version, fields: pairs(rawHeaders) };
}

/** Names and values of node:http's flat list. */
export function pairs(raw: readonly string[]): Field[] {
  return Array.from({ length: raw.length / 2 }, (_, index) => [raw[2 * index]!, raw[2 * index + 1]!]);
}

/** Reads the whole body of a request. */
export function bodyOf(request: IncomingMessage): Promise<Buffer> {
  return joined(request);
}

/** A connection of a service that decides about every byte itself. */
export class ServiceConnection {
  readonly socket: Socket;
  readonly wire: Wire;
  /** Which connection of the service this is, from 1. */
  readonly nth: number;
  readonly #service: Service;

  constructor(socket: Socket, service: Service) {
    this.socket = socket;
    this.wire = new Wire(socket);
    this.nth = service.connections;
    this.#service = service;
  }

  /** Reads the next request's head; undefined when the gateway closed the idle connection. */
  async head(): Promise<ServedHead | undefined> {
    const head = await this.wire.head().catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === "ECONNRESET") return undefined;
      throw error;
    });
    if (!head) return undefined;
    const served = servedHead(head);
    this.#service.seen.push(served);
    return served;
  }

  /** Reads the body that belongs to the head, whole. */
  body(head: ServedHead): Promise<Buffer> {
    return joined(this.wire.body(head.framing));
  }

  /** Reads the next request with its body, and gives the head. */
  async request(): Promise<(ServedHead & { body: Buffer }) | undefined> {
    const head = await this.head();
    return head && { ...head, body: await this.body(head) };
  }

  /** Writes the bytes and waits until the system has taken them. */
  send(bytes: string | Buffer): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.socket.write(bytes, "latin1", (error) => (error ? reject(error) : resolve()));
    return promise;
  }

  /** Sends FIN. */
  end(): void {
    this.socket.end();
  }
}

/** A request's head with the framing of its body. */
export interface ServedHead extends Seen {
  readonly framing: Framing;
  /** The field's value, several joined as a list. */
  field(name: string): string | undefined;
}

function servedHead({ start, fields }: Head): ServedHead {
  const [, method, target, version] = /^([A-Z-]+) ([\x21-\x7e\x80-\xff]+) HTTP\/(\d\.\d)$/.exec(start) ?? [];
  if (!method || !target || !version) throw new Error(`no request line: ${JSON.stringify(start)}`);
  const field = (name: string): string | undefined => fieldValue(fields, name);
  return { method, target, version, fields, framing: framingOf(fields, 0), field };
}

/** Starts a service of raw connections; the script runs once for each of them. */
export async function startRawService(
  script: (connection: ServiceConnection, service: Service) => Promise<void>,
  port = 0,
): Promise<Service> {
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  const service = new Service(server);
  server.on("connection", (socket) => {
    const connection = new ServiceConnection(socket, service);
    service.run(() => script(connection, service).finally(() => socket.end()));
  });
  return listening(service, port);
}

/** Starts a service that reads each request whole and answers it with the bytes that the script gives. */
export function startBytesService(
  answer: (request: ServedHead & { body: Buffer }) => string | Buffer,
): Promise<Service> {
  return startRawService(async (connection) => {
    for (let head = await connection.request(); head; head = await connection.request())
      await connection.send(answer(head));
  });
}

async function listening(service: Service, port: number): Promise<Service> {
  service.server.listen(port, "127.0.0.1");
  await once(service.server, "listening");
  return service;
}

/** A port of 127.0.0.1 on which nothing listens. */
export async function deadPort(): Promise<number> {
  const service = await startRawService(async () => {});
  const { port } = service;
  await service.stop();
  return port;
}
