/** Real gRPC clients and services, by @grpc/grpc-js. */
import { once } from "node:events";
import { connect, constants, type IncomingHttpHeaders } from "node:http2";
import { fileURLToPath } from "node:url";
import {
  type CallOptions,
  type ChannelOptions,
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  credentials,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  loadPackageDefinition,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceClientConstructor,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

/** A message of echo.proto. */
export interface Message {
  readonly data: Buffer;
  readonly count: number;
  readonly text: string;
}

type Done = (error: ServiceError | null, answer?: Message) => void;

/** A client of echo.proto. */
export interface EchoClient extends Client {
  unary(message: Partial<Message>, metadata: Metadata, options: CallOptions, done: Done): ClientUnaryCall;
  collect(metadata: Metadata, options: CallOptions, done: Done): ClientWritableStream<Partial<Message>>;
  count(message: Partial<Message>, options?: CallOptions): ClientReadableStream<Message>;
  chat(options?: CallOptions): ClientDuplexStream<Partial<Message>, Message>;
}

/** What a service does for each method. */
export interface EchoHandlers {
  readonly unary: handleUnaryCall<Message, Partial<Message>>;
  readonly collect: handleClientStreamingCall<Message, Partial<Message>>;
  readonly count: handleServerStreamingCall<Message, Partial<Message>>;
  readonly chat: handleBidiStreamingCall<Message, Partial<Message>>;
}

const { test } = loadPackageDefinition(
  loadSync(fileURLToPath(new URL("echo.proto", import.meta.url)), { defaults: true }),
) as unknown as { test: { Echo: ServiceClientConstructor } };

const ECHO: EchoHandlers = {
  unary: (call, done) => {
    const head = new Metadata();
    head.set("x-heard", String(call.metadata.get("x-said")[0] ?? "nothing"));
    call.sendMetadata(head);
    const trailers = new Metadata();
    trailers.set("x-length", String(call.request.data.length));
    trailers.set("x-bytes-bin", Buffer.from([0, 255, 13, 10]));
    done(null, call.request, trailers);
  },
  collect: (call, done) => {
    let bytes = 0;
    call.on("data", ({ data }: Message) => {
      bytes += data.length;
    });
    call.on("end", () => done(null, { count: bytes }));
  },
  count: (call) => {
    for (let nth = 0; nth < call.request.count; nth++) call.write({ count: nth, text: call.request.text });
    call.end();
  },
  chat: (call) => {
    call.on("data", (message: Message) => call.write(message));
    call.on("end", () => call.end());
  },
};

/** A gRPC service on a port of 127.0.0.1. */
export interface GrpcService {
  readonly port: number;
  /** As a config names it. */
  readonly url: string;
  stop(): void;
}

/** A certificate and its key, in PEM. */
export interface PemPair {
  readonly cert: string;
  readonly key: string;
}

function serverCredentials(tls: PemPair | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const pair = { cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) };
  return ServerCredentials.createSsl(null, [pair]);
}

/** Starts the service of echo.proto; it echoes where `handlers` says nothing else. With `tls` it speaks only that. */
export async function startEcho(handlers: Partial<EchoHandlers> = {}, tls?: PemPair): Promise<GrpcService> {
  const server = new Server({ "grpc.max_receive_message_length": -1 });
  server.addService(test.Echo.service, { ...ECHO, ...handlers });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync("127.0.0.1:0", serverCredentials(tls), (error, port) =>
    error ? reject(error) : resolve(port),
  );
  const port = await promise;
  return { port, url: `${tls ? "https" : "h2c"}://127.0.0.1:${port}`, stop: () => server.forceShutdown() };
}

/** A client of echo.proto at a port of 127.0.0.1; with TLS where it is given whom to trust, in PEM. */
export function echoClient(port: number, ca?: string, options: ChannelOptions = {}): EchoClient {
  const secure = ca === undefined ? credentials.createInsecure() : credentials.createSsl(Buffer.from(ca));
  const client = new test.Echo(`127.0.0.1:${port}`, secure, {
    "grpc.max_receive_message_length": -1,
    "grpc.enable_retries": 0,
    ...options,
    ...(ca !== undefined && { "grpc.ssl_target_name_override": "localhost" }),
  });
  return client as unknown as EchoClient;
}

/** What became of a call. */
export interface Called {
  readonly error: ServiceError | undefined;
  readonly answer: Message | undefined;
  readonly head: Metadata | undefined;
  readonly trailers: Metadata | undefined;
}

/** Calls the unary method and waits for its end. */
export function callUnary(
  client: EchoClient,
  message: Partial<Message>,
  metadata: Metadata = new Metadata(),
  options: CallOptions = {},
): Promise<Called> {
  return new Promise((resolve) => {
    let head: Metadata | undefined;
    let result: Pick<Called, "error" | "answer"> | undefined;
    let trailers: Metadata | undefined;
    const settle = (): void => {
      if (result !== undefined && trailers !== undefined) resolve({ ...result, head, trailers });
    };
    const call = client.unary(message, metadata, options, (error, answer) => {
      result = { error: error ?? undefined, answer };
      settle();
    });
    call.on("metadata", (metadata) => {
      head = metadata;
    });
    call.on("status", (status) => {
      trailers = status.metadata;
      settle();
    });
  });
}

/** A message of a gRPC body: not compressed, its length before it. */
export function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** An answer over HTTP/2 as it came. */
export interface RawAnswer {
  readonly head: IncomingHttpHeaders & { ":status"?: number | undefined };
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders | undefined;
  /** Code of RST_STREAM; 0 for none. */
  readonly code: number;
}

/** Sends a gRPC request by node:http2, with nothing of a gRPC client's own, and waits for the end of its answer. */
export async function rawCall(
  port: number,
  fields: Readonly<Record<string, string>> = {},
  body: Uint8Array = framed(new Uint8Array()),
): Promise<RawAnswer> {
  const session = connect(`http://127.0.0.1:${port}`);
  try {
    const stream = session.request({
      ":method": "POST",
      ":path": "/test.Echo/Unary",
      "content-type": "application/grpc",
      te: "trailers",
      ...fields,
    });
    let head: RawAnswer["head"] = {};
    let trailers: RawAnswer["trailers"];
    stream.on("response", (fields) => {
      head = fields;
    });
    stream.on("trailers", (fields) => {
      trailers = fields;
    });
    const pieces: Buffer[] = [];
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    stream.on("error", () => undefined);
    stream.end(body);
    await once(stream, "close");
    const code = stream.rstCode ?? constants.NGHTTP2_NO_ERROR;
    return { head, body: Buffer.concat(pieces), trailers, code };
  } finally {
    session.close();
  }
}
