import type { Failure } from "../errors/failure.ts";
import { readRequestHead } from "../http/request-reader.ts";
import { type BodySink, type BodySource, HeldBody } from "../lib/body.ts";
import type { Clock } from "../lib/clock.ts";
import { Fields, type ReadonlyFields } from "../lib/fields.ts";
import { DEFAULT_LIMITS } from "../lib/limits.ts";
import type { Reply } from "../lib/reply.ts";
import { RequestHead } from "../lib/request.ts";

/** A request as a test writes it; text is UTF-8. */
export interface TestRequest {
  /** Default: GET. */
  readonly method?: string;
  /** Path and query (default "/"). */
  readonly target?: string;
  /** Default: a.example. */
  readonly host?: string;
  readonly fields?: Readonly<Record<string, string>>;
  /** A list is sent piece by piece, its length unknown. */
  readonly body?: string | Uint8Array | readonly string[];
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
  readonly body: Buffer;
  readonly trailers: ReadonlyFields | undefined;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** Plays a service. A Failure stands for an endpoint that gives no answer: `connect_failed`, for instance. */
export type ServiceFunction = (request: SentRequest) => Reply | Failure | Promise<Reply | Failure>;

/** A clock that stands still until it is told to go on. Timers run in real time all the same. */
export function testClock(wall = 1_700_000_000_000): Clock & { advance(milliseconds: number): void } {
  let passed = 0;
  const advance = (milliseconds: number): void => {
    passed += milliseconds;
  };
  return { now: () => passed, wall: () => wall + passed, advance };
}

/** A body that comes piece by piece, as one from a socket does. */
export function pieces(list: readonly string[], trailers?: Readonly<Record<string, string>>): BodySource {
  let sink: BodySink | undefined;
  let at = 0;
  const resume = (): void => {
    while (sink !== undefined && at < list.length) if (!sink.data(Buffer.from(list[at++]!))) return;
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

/** @internal The head as the reader of the wire makes it. Throws an Error for a request that the wire would refuse. */
export function headOf({
  method = "GET",
  target = "/",
  host = "a.example",
  ...rest
}: TestRequest): RequestHead {
  const { fields, body, trailers } = rest;
  const whole =
    typeof body === "string" || body instanceof Uint8Array ? Buffer.from(body as string) : undefined;
  const length = whole && { "content-length": String(whole.length) };
  const framing = body === undefined ? {} : (length ?? { "transfer-encoding": "chunked" });
  const lines = Object.entries({ host, ...framing, ...fields }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const bytes = Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join("")}\r\n`, "latin1");
  const head = readRequestHead(bytes, 0, bytes.length, DEFAULT_LIMITS, "http");
  if (!(head instanceof RequestHead)) throw new Error(`not a request: ${head?.code} ${bytes}`);
  if (body !== undefined) head.body = whole ? new HeldBody(whole) : pieces(body as string[], trailers);
  return head;
}
