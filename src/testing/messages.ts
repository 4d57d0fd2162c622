import type { Failure } from "../errors/failure.ts";
import { readRequestHead } from "../http/request-reader.ts";
import { type BodySink, type BodySource, HeldBody } from "../lib/body.ts";
import { Fields, type ReadonlyFields } from "../lib/fields.ts";
import { DEFAULT_LIMITS } from "../lib/limits.ts";
import type { Reply } from "../lib/reply.ts";
import { RequestHead } from "../lib/request.ts";

/** A request as a test writes it. */
export interface TestRequest {
  /** Default: GET. */
  readonly method?: string;
  /** Path and query (default "/"). */
  readonly target?: string;
  /** Default: a.example. */
  readonly host?: string;
  readonly fields?: Readonly<Record<string, string>>;
  /** A list is sent piece by piece, its length unknown; text is UTF-8. */
  readonly body?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** Fields behind a body that is a list. */
  readonly trailers?: Readonly<Record<string, string>>;
}

/** A request as a service gets it. */
export interface SentRequest {
  /** Where it went, as written in the config. */
  readonly endpoint: string;
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly fields: ReadonlyFields;
  readonly body: Uint8Array;
  readonly trailers: ReadonlyFields | undefined;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** Plays the services of a test. A Failure stands for an endpoint that gives no answer: `connect_failed`, for instance. */
export type ServiceFunction = (request: SentRequest) => Reply | Failure | Promise<Reply | Failure>;

/** A body that comes piece by piece, as one from a socket does. */
export function pieces(
  list: readonly (string | Uint8Array)[],
  trailers?: Readonly<Record<string, string>>,
): BodySource {
  let sink: BodySink | undefined;
  let at = 0;
  const resume = (): void => {
    while (sink !== undefined && at < list.length) if (!sink.data(bytesOf(list[at++]!))) return;
    const ended = sink;
    sink = undefined;
    ended?.end(trailers && Fields.from(trailers));
  };
  const start = (to: BodySink): void => {
    sink = to;
    resume();
  };
  const cancel = (): void => {
    sink = undefined;
  };
  return { length: undefined, start, resume, cancel };
}

/** @internal */
export function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? Buffer.from(content) : content;
}

/** @internal The head as the reader of the wire makes it. Throws an Error for a request that the wire would refuse. */
export function headOf({ method = "GET", target = "/", ...rest }: TestRequest): RequestHead {
  const { host = "a.example", fields = {}, body, trailers } = rest;
  const whole = typeof body === "string" || body instanceof Uint8Array ? bytesOf(body) : undefined;
  const framing: [string, string][] =
    body === undefined
      ? []
      : [whole ? ["content-length", `${whole.length}`] : ["transfer-encoding", "chunked"]];
  const lines = Object.entries({ host, ...fields, ...Object.fromEntries(framing) });
  const text = `${method} ${target} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
  const bytes = Buffer.from(text, "latin1");
  const head = readRequestHead(bytes, 0, bytes.length, DEFAULT_LIMITS, "http");
  if (!(head instanceof RequestHead)) throw new Error(`not a request: ${head?.detail ?? head?.code ?? text}`);
  if (whole) head.body = new HeldBody(whole);
  else if (body !== undefined) head.body = pieces(body as readonly (string | Uint8Array)[], trailers);
  return head;
}
