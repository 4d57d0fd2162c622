import { type BodyFailure, type BodySink, type BodySource, type Chunk, HeldBody } from "./body.ts";
import { Fields } from "./fields.ts";
import { grpcTrailerFrame } from "./grpc.ts";

const GROUPS = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * The bytes of base64 in whole groups of four. Padding may stand behind any group: clients encode piece by piece. Undefined
 * for what is not base64.
 */
function decodeGroups(text: string): Buffer | undefined {
  if (!text.includes("=")) return GROUPS.test(text) ? Buffer.from(text, "base64") : undefined;
  const pieces: Buffer[] = [];
  for (const part of text.split(/(?<==)(?!=)/)) {
    if (!GROUPS.test(part)) return undefined;
    pieces.push(Buffer.from(part, "base64"));
  }
  return Buffer.concat(pieces);
}

function textOf(chunk: Chunk): string {
  return typeof chunk === "string"
    ? chunk
    : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString("latin1");
}

/** The bytes of a request's body that is all here, in base64; undefined for what is not base64. */
export function decodeHeldText({ content, trailers }: HeldBody): HeldBody | undefined {
  const bytes = decodeGroups(textOf(content));
  return bytes && new HeldBody(bytes, trailers);
}

/** A request's body in base64: passes its bytes on as they come. */
export class TextRequestBody implements BodySource, BodySink {
  readonly length = undefined;
  readonly #source: BodySource;
  #sink: BodySink | undefined = undefined;
  /** Characters of a group that is not whole. */
  #rest = "";

  constructor(source: BodySource) {
    this.#source = source;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#source.start(this);
  }

  data(chunk: Chunk): boolean {
    const sink = this.#sink;
    if (sink === undefined) return true;
    const text = this.#rest + textOf(chunk);
    const whole = text.length & ~3;
    this.#rest = text.slice(whole);
    const bytes = decodeGroups(text.slice(0, whole));
    if (bytes !== undefined) return bytes.length === 0 || sink.data(bytes);
    this.#source.cancel();
    this.fail({ code: "body_malformed", detail: "not base64" });
    return true;
  }

  end(trailers?: Fields): void {
    if (this.#rest === "") this.#sink?.end(trailers);
    else this.fail({ code: "body_malformed", detail: "base64 without its end" });
  }

  fail(failure: BodyFailure): void {
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.fail(failure);
  }

  resume(): void {
    this.#source.resume();
  }

  cancel(): void {
    this.#sink = undefined;
    this.#source.cancel();
  }
}

/** The answer to a gRPC-Web call: the frames as they come, then the trailers as one more; in base64 where that was asked for. */
export class WebAnswerBody implements BodySource, BodySink {
  readonly length = undefined;
  readonly #source: BodySource;
  readonly #text: boolean;
  #sink: BodySink | undefined = undefined;
  /** The sink is not done with the last piece. */
  #held = false;
  /** The last frame, while it waits for the sink. */
  #last: Chunk | undefined = undefined;

  constructor(source: BodySource, text: boolean) {
    this.#source = source;
    this.#text = text;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#source.start(this);
  }

  data(chunk: Chunk): boolean {
    const sink = this.#sink;
    if (sink === undefined) return true;
    // Each piece is padded by itself: nothing of a message may wait for the next one.
    const taken = sink.data(this.#text ? base64Of(chunk) : chunk);
    this.#held = !taken;
    return taken;
  }

  end(trailers: Fields = new Fields()): void {
    const frame = grpcTrailerFrame(trailers);
    this.#last = this.#text ? base64Of(frame) : frame;
    if (!this.#held) this.#finish();
  }

  #finish(): void {
    const last = this.#last;
    const sink = this.#sink;
    this.#last = undefined;
    this.#sink = undefined;
    if (last === undefined || sink === undefined) return;
    sink.data(last);
    sink.end();
  }

  fail(failure: BodyFailure): void {
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.fail(failure);
  }

  resume(): void {
    this.#held = false;
    this.#source.resume();
    if (!this.#held) this.#finish();
  }

  cancel(): void {
    this.#sink = undefined;
    this.#source.cancel();
  }
}

function base64Of(chunk: Chunk): string {
  return Buffer.from(textOf(chunk), "latin1").toString("base64");
}
