/** Real services that speak HTTP/2 without TLS: on node:http2, and with frames written by hand. */
import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
  type ServerOptions,
} from "node:http2";
import { createServer as createTcpServer, type Socket } from "node:net";
import { HpackDecoder } from "../../src/http/h2/hpack/decoder.ts";
import { F, type Frame, frame, numberOf, PREFACE, settingsFrame, T } from "./frames.ts";
import { Service } from "./service.ts";
import { until } from "./wait.ts";

/** A service that is spoken to by HTTP/2 with prior knowledge. */
export class H2Service extends Service {
  override get url(): string {
    return `h2c://127.0.0.1:${this.port}`;
  }
}

/** Answers one request of a service on node:http2. */
export type StreamHandler = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  service: H2Service,
) => void | Promise<void>;

/** Starts a service on node:http2. */
export async function startH2Service(
  handler: StreamHandler,
  options: ServerOptions = {},
  port = 0,
): Promise<H2Service> {
  const server = createServer(options);
  const service = new H2Service(server);
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    stream.on("error", () => undefined);
    const fields = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
    service.seen.push({
      method: String(headers[":method"]),
      target: String(headers[":path"]),
      version: "2.0",
      fields,
    });
    service.run(() => handler(stream, headers, service));
  });
  server.on("sessionError", () => undefined);
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return service;
}

/** A service's end of a connection whose frames are written octet by octet. */
export class FrameConnection {
  readonly socket: Socket;
  /** Which of the service's connections it is, from 1 on. */
  readonly nth: number;
  /** Every frame that came. */
  readonly frames: Frame[] = [];
  /** The fields of each header block, by stream. */
  readonly heads: Map<number, Map<string, string>> = new Map();
  readonly #decoder = new HpackDecoder();
  readonly #requests: number[] = [];
  readonly #waiting: { readonly nth: number; readonly resolve: () => void }[] = [];
  #received = "";
  #greeted = false;

  constructor(socket: Socket, nth: number) {
    this.socket = socket;
    this.nth = nth;
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => this.#take(bytes.toString("latin1")));
  }

  #take(bytes: string): void {
    this.#received += bytes;
    if (!this.#greeted) {
      if (this.#received.length < PREFACE.length) return;
      if (!this.#received.startsWith(PREFACE)) throw new Error("no preface came");
      this.#greeted = true;
      this.#received = this.#received.slice(PREFACE.length);
    }
    for (;;) {
      const received = this.#received;
      const end = received.length < 9 ? Number.POSITIVE_INFINITY : 9 + numberOf(received.slice(0, 3));
      if (received.length < end) return;
      const [type, flags] = [received.charCodeAt(3), received.charCodeAt(4)];
      const stream = numberOf(received.slice(5, 9));
      const payload = received.slice(9, end);
      this.#received = received.slice(end);
      this.frames.push({ type, flags, stream, payload });
      if (type === T.headers) this.#begin(stream, payload);
    }
  }

  #begin(stream: number, payload: string): void {
    if (!this.heads.has(stream)) this.#requests.push(stream);
    this.heads.set(stream, this.#fieldsOf(payload));
    for (const { nth, resolve } of this.#waiting) if (this.#requests.length >= nth) resolve();
  }

  #fieldsOf(payload: string): Map<string, string> {
    const fields = new Map<string, string>();
    const block = Buffer.from(payload, "latin1");
    const problem = this.#decoder.decode(block, 0, block.length, (name, value) => fields.set(name, value));
    if (problem !== "") throw new Error(problem);
    return fields;
  }

  /** Sends octets. */
  send(bytes: string): void {
    if (!this.socket.destroyed) this.socket.write(bytes, "latin1");
  }

  /** Sends SETTINGS and acknowledges those of the gateway. */
  greet(settings: readonly number[] = []): void {
    this.send(settingsFrame(settings) + frame(T.settings, F.ack, 0));
  }

  /** Waits for the first frame of this type, on this stream where one is given. */
  async frame(type: number, stream?: number): Promise<Frame> {
    const fits = (one: Frame): boolean =>
      one.type === type && (stream === undefined || one.stream === stream);
    await until(`a frame of type ${type}`, () => this.frames.some(fits));
    return this.frames.find(fits)!;
  }

  /** Waits, as long as it takes, for the `nth` request (from 1 on) and gives its stream. */
  async request(nth = 1): Promise<number> {
    if (this.#requests.length < nth) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push({ nth, resolve });
      await promise;
    }
    return this.#requests[nth - 1]!;
  }
}

/** Starts a service whose script writes the frames of each connection. */
export async function startFrameService(
  script: (connection: FrameConnection, service: H2Service) => void | Promise<void>,
): Promise<H2Service> {
  const server = createTcpServer({ allowHalfOpen: true, noDelay: true });
  const service = new H2Service(server);
  server.on("connection", (socket) => {
    const connection = new FrameConnection(socket, service.connections);
    service.run(() => script(connection, service));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return service;
}
