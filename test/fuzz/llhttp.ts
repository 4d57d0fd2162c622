/** Node's own parser (llhttp), strict, driven directly: no sockets, so that a million inputs take minutes. */
import { createRequire } from "node:module";
import { type FieldLine, type Input, lowerNames, type Message, type Reading } from "./reading.ts";

type RawFields = readonly string[];
type Callbacks = Record<number, unknown>;

interface Parser extends Callbacks {
  initialize(type: number, resource: object, maxHeadSize: number, leniency: number): void;
  execute(bytes: Buffer): number | ParserError;
  finish(): ParserError | undefined;
}

type ParserError = Error & { code: string; reason: string; bytesParsed: number };

interface ParserClass {
  new (): Parser;
  readonly REQUEST: number;
  readonly RESPONSE: number;
  readonly kOnMessageBegin: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
  readonly kLenientNone: number;
}

const { HTTPParser, methods } = createRequire(import.meta.url)("_http_common") as {
  HTTPParser: ParserClass;
  methods: readonly string[];
};

/** Methods that llhttp knows; it refuses all others. */
export const METHODS: ReadonlySet<string> = new Set(methods);

/** Beyond our own limits, so that a limit is never the difference. */
const MAX_HEAD = 1_048_576;
const SKIP_BODY = 1;
/** Where an upgrade was asked, Node does not say what llhttp found wrong with the body. */
const SILENT = "SILENT: gave up within the body of a request to upgrade";
/** What it says of bytes behind the last message itself. */
const CLOSED = "HPE_CLOSED_CONNECTION: Data after `Connection: close`";

/** Collects what the parser calls back. */
class Transcript {
  readonly messages: Message[] = [];
  readonly #headMethod: boolean;
  #inHead = false;
  #raw: string[] = [];
  #target = "";
  #trailers: string[] = [];

  constructor(headMethod: boolean) {
    this.#headMethod = headMethod;
  }

  attach(parser: Parser): void {
    parser[HTTPParser.kOnMessageBegin] = () => this.#begin();
    parser[HTTPParser.kOnHeaders] = (fields: RawFields, target: string) => this.#part(fields, target);
    parser[HTTPParser.kOnHeadersComplete] = (
      major: number,
      minor: number,
      fields: RawFields | undefined,
      method: number | undefined,
      target: string | undefined,
      status: number | undefined,
      phrase: string | undefined,
      _upgrade: boolean,
      persistent: boolean,
    ) => {
      this.#part(fields ?? [], target ?? "");
      this.#inHead = false;
      this.messages.push({
        method: method === undefined ? "" : (methods[method] ?? "?"),
        target: this.#target,
        authority: undefined,
        status: status ?? 0,
        phrase: phrase ?? "",
        version: major * 10 + minor,
        fields: toLines(this.#raw),
        body: "",
        trailers: [],
        // Of an answer to HEAD it says whether a body would be framed.
        persistent: this.#headMethod ? undefined : persistent,
        complete: false,
      });
      return this.#headMethod ? SKIP_BODY : 0;
    };
    parser[HTTPParser.kOnBody] = (bytes: Buffer) => {
      this.messages.at(-1)!.body += bytes.latin1Slice(0, bytes.length);
    };
    parser[HTTPParser.kOnMessageComplete] = () => {
      const message = this.messages.at(-1)!;
      message.complete = true;
      message.trailers = toLines(this.#trailers);
    };
  }

  #begin(): void {
    this.#inHead = true;
    this.#raw = [];
    this.#target = "";
    this.#trailers = [];
  }

  /** A head of many fields comes in parts; trailers come the same way. */
  #part(fields: RawFields, target: string): void {
    (this.#inHead ? this.#raw : this.#trailers).push(...fields);
    if (this.#inHead) this.#target += target;
  }
}

const parser = new HTTPParser();

/** What llhttp made of a stream, and at which byte it gave up. */
export interface LlhttpReading extends Reading {
  readonly stoppedAt: number;
}

/** How llhttp reads a stream that ends after these bytes. */
export function readByLlhttp({
  side,
  bytes,
  method,
}: Pick<Input, "side" | "bytes" | "method">): LlhttpReading {
  const transcript = new Transcript(side === "response" && method === "HEAD");
  transcript.attach(parser);
  const type = side === "request" ? HTTPParser.REQUEST : HTTPParser.RESPONSE;
  parser.initialize(type, {}, MAX_HEAD, HTTPParser.kLenientNone);
  const { messages } = transcript;
  for (let at = 0; at < bytes.length; ) {
    const read = parser.execute(at === 0 ? bytes : bytes.subarray(at));
    if (typeof read !== "number")
      return { messages, refusal: refusalOf(read), stoppedAt: at + read.bytesParsed };
    at += read;
    if (at === bytes.length) break;
    if (messages.at(-1)?.complete === false) return { messages, refusal: SILENT, stoppedAt: at };
    // It stops behind a request to switch protocols; who does not switch reads on, as if nothing had been asked.
    if (messages.at(-1)?.persistent === false) return { messages, refusal: CLOSED, stoppedAt: at };
    if (messages.at(-1)?.method === "CONNECT")
      return { messages, refusal: "TUNNEL: of a CONNECT", stoppedAt: at };
    parser.initialize(type, {}, MAX_HEAD, HTTPParser.kLenientNone);
  }
  return { messages, refusal: refusalOf(parser.finish()), stoppedAt: bytes.length };
}

function refusalOf(error: ParserError | undefined): string | undefined {
  return error === undefined ? undefined : `${error.code}: ${error.reason}`;
}

function toLines(raw: RawFields): FieldLine[] {
  const lines: FieldLine[] = [];
  for (let i = 0; i < raw.length; i += 2) lines.push([raw[i]!, raw[i + 1]!]);
  return lowerNames(lines);
}
