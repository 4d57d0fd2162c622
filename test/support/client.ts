import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Random } from "./random.ts";
import { HUNG_AFTER_MS, within } from "./wait.ts";
import {
  CutError,
  type Field,
  type Framing,
  fieldValue,
  fieldValues,
  framingOf,
  joined,
  Wire,
} from "./wire.ts";

/** What a client may send: strings are written as latin1. */
export type Bytes = string | Buffer;

/** The head of a response, checked against RFC 9110 and 9112 for the method that it answers. */
export class ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly Field[];
  readonly framing: Framing;

  constructor(status: number, reason: string, fields: readonly Field[], framing: Framing) {
    this.status = status;
    this.reason = reason;
    this.fields = fields;
    this.framing = framing;
  }

  /** The field's value, several joined as a list; undefined when there is none. */
  field(name: string): string | undefined {
    return fieldValue(this.fields, name);
  }

  /** Whether the connection is said to end after this response. */
  get closes(): boolean {
    return /(^|,)\s*close\s*(,|$)/i.test(this.field("connection") ?? "");
  }
}

/** A whole response with what came before it. */
export class Response extends ResponseHead {
  readonly informational: readonly ResponseHead[];
  readonly body: Buffer;
  readonly trailers: readonly Field[];

  constructor(
    head: ResponseHead,
    informational: readonly ResponseHead[],
    body: Buffer,
    trailers: readonly Field[],
  ) {
    super(head.status, head.reason, head.fields, head.framing);
    this.informational = informational;
    this.body = body;
    this.trailers = trailers;
  }

  /** The body as text. */
  get text(): string {
    return this.body.toString("latin1");
  }

  /** The body as a JSON object. */
  json(): Record<string, unknown> {
    return JSON.parse(this.body.toString()) as Record<string, unknown>;
  }
}

/** One keep-alive connection that sends exactly the bytes it is given and reads responses strictly. */
export class Client {
  readonly wire: Wire;
  readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
    this.wire = new Wire(socket);
  }

  /** Connects to the port on 127.0.0.1, from 127.0.0.1 unless told otherwise. */
  static async open(port: number, localAddress = "127.0.0.1"): Promise<Client> {
    const socket = connect({ port, host: "127.0.0.1", localAddress, allowHalfOpen: true, noDelay: true });
    await within("a connection", once(socket, "connect"));
    return new Client(socket);
  }

  /** Writes the bytes and waits until the system has taken them. */
  send(bytes: Bytes): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.socket.write(bytes, "latin1", (error) => (error ? reject(error) : resolve()));
    return promise;
  }

  /** Reads the next head, informational ones too. */
  async head(method = "GET"): Promise<ResponseHead> {
    const head = await this.wire.head();
    if (!head) throw new CutError("the connection ended, expected a response");
    const [, code, reason] = /^HTTP\/1\.1 ([1-5]\d\d) ([\t\x20-\x7e\x80-\xff]*)$/.exec(head.start) ?? [];
    if (code === undefined) throw new Error(`no status line: ${JSON.stringify(head.start)}`);
    const status = Number(code);
    return new ResponseHead(status, reason!, head.fields, responseFraming(method, status, head.fields));
  }

  /** Reads the pieces of the body that belongs to the head. */
  body(head: ResponseHead, most?: number): AsyncGenerator<Buffer, void, undefined> {
    return this.wire.body(head.framing, most);
  }

  /** Reads the next final response whole. */
  async response(method = "GET"): Promise<Response> {
    const informational: ResponseHead[] = [];
    let head = await this.head(method);
    for (; head.status < 200 && head.status !== 101; head = await this.head(method)) informational.push(head);
    const body = await joined(this.body(head));
    return new Response(head, informational, body, this.wire.trailers);
  }

  /** Sends one request and reads its response. */
  async ask(bytes: Bytes, method = "GET"): Promise<Response> {
    await this.send(bytes);
    return this.response(method);
  }

  /** Waits for the gateway to end the connection, ends it too, and gives the bytes that were still to come. */
  async closed(): Promise<string> {
    const { bytes } = await this.wire.rest();
    this.socket.destroy();
    return bytes.toString("latin1");
  }

  /** Says that nothing more will be sent. */
  fin(): void {
    this.socket.end();
  }

  /** Goes away with a reset. */
  reset(): void {
    this.socket.resetAndDestroy();
  }
}

function responseFraming(method: string, status: number, fields: readonly Field[]): Framing {
  const framing = framingOf(fields, "close");
  if (status < 200 || status === 204) {
    if (framing !== "close") throw new Error(`status ${status} with ${String(framing)} as body framing`);
    return 0;
  }
  return method === "HEAD" || status === 304 ? 0 : framing;
}

/**
 * The bytes of a request. `start` is "METHOD target", HTTP/1.1 unless a version is written behind; Host and
 * Content-Length are added where they are needed and not given.
 */
export function request(start: string, fields: Record<string, string> = {}, body?: Bytes): Buffer {
  const whole = start.includes(" HTTP/") ? start : `${start} HTTP/1.1`;
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const names = Object.keys(fields).map((name) => name.toLowerCase());
  if (!names.includes("host")) lines.unshift("Host: a.example\r\n");
  const content = body === undefined ? Buffer.alloc(0) : Buffer.from(body as string, "latin1");
  if (body !== undefined && !names.includes("transfer-encoding") && !names.includes("content-length"))
    lines.push(`Content-Length: ${content.length}\r\n`);
  return Buffer.concat([Buffer.from(`${whole}\r\n${lines.join("")}\r\n`, "latin1"), content]);
}

/** The body in chunks of random size, at most `most` bytes each, with its last chunk and trailers. */
export function chunked(body: Buffer, random: Random, most = 20_000, trailers = ""): Buffer {
  const chunks = random.cut(body, most).flatMap((piece) => [chunk(piece)]);
  return Buffer.concat([...chunks, Buffer.from(`0\r\n${trailers}\r\n`, "latin1")]);
}

/** One chunk. */
export function chunk(piece: Bytes): Buffer {
  const content = Buffer.from(piece as string, "latin1");
  return Buffer.concat([Buffer.from(`${content.length.toString(16)}\r\n`), content, Buffer.from("\r\n")]);
}

/** Whether a fresh connection to the port is refused. */
export async function isRefused(port: number): Promise<boolean> {
  const socket = connect({ port, host: "127.0.0.1", timeout: HUNG_AFTER_MS });
  try {
    await once(socket, "connect");
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ECONNREFUSED") return true;
    throw error;
  } finally {
    socket.destroy();
  }
}

/** Checks that the response is the gateway's own problem document with that status, and gives its fields. */
export function problemOf(response: Response, status: number): Record<string, unknown> {
  if (response.status !== status)
    throw new Error(`expected ${status}, got ${response.status} ${response.text}`);
  const type = fieldValues(response.fields, "content-type");
  if (type.length !== 1 || !type[0]!.startsWith("application/problem+json"))
    throw new Error(`no problem document but ${type.join()}: ${response.text}`);
  const problem = response.json();
  if (problem["status"] !== status) throw new Error(`the document says status ${String(problem["status"])}`);
  for (const name of ["reason", "title", "requestId"])
    if (typeof problem[name] !== "string" || problem[name] === "")
      throw new Error(`no ${name}: ${response.text}`);
  if (!/^[a-z0-9]+(_[a-z0-9]+)*$/.test(problem["reason"] as string))
    throw new Error(`not snake_case: ${problem["reason"]}`);
  return problem;
}
