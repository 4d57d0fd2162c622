import type { Fields } from "./fields.ts";

/** A piece of a body: bytes, or a string whose characters are the bytes (Latin-1). */
export type Chunk = Uint8Array | string;

/** Why a body ended before its end; `code` is a reason. */
export interface BodyFailure {
  readonly code: string;
  readonly detail?: string | undefined;
}

/** Takes the pieces of one body. */
export interface BodySink {
  /**
   * Takes a piece. True: the piece is done with and the next may come. False: its memory is still in use and nothing may
   * come until the sink has called `resume` of the source, which it does in every case, also after a failure.
   */
  data(chunk: Chunk): boolean;
  /** The body is complete; trailers where there are any. */
  end(trailers?: Fields): void;
  /** The body will never be complete. */
  fail(failure: BodyFailure): void;
}

/** Pushes the pieces of one body into one sink, from `start` on. */
export interface BodySource {
  /** Bytes in all, where they are known before the end. */
  readonly length: number | undefined;
  /** Begins to push; called once. */
  start(sink: BodySink): void;
  /** Answers a `false` of the sink: the piece is free, go on. */
  resume(): void;
  /** The rest is not wanted: nothing is pushed from here on. */
  cancel(): void;
}

/** A body that is all here: small ones are read and written in one go, and can be sent again. */
export class HeldBody {
  readonly #content: Chunk;
  readonly trailers: Fields | undefined;

  constructor(content: Chunk, trailers?: Fields) {
    this.#content = content;
    this.trailers = trailers;
  }

  /** A body from text in UTF-8. */
  static fromText(text: string): HeldBody {
    return new HeldBody(Buffer.from(text));
  }

  get length(): number {
    return this.#content.length;
  }

  /** The bytes as they are kept. */
  get content(): Chunk {
    return this.#content;
  }

  /** The bytes. */
  bytes(): Uint8Array {
    return typeof this.#content === "string" ? Buffer.from(this.#content, "latin1") : this.#content;
  }
}

export type Body = HeldBody | BodySource;

/** An owned copy of a piece, safe to keep. */
export function ownedCopy(chunk: Chunk): Uint8Array {
  return typeof chunk === "string" ? Buffer.from(chunk, "latin1") : Buffer.from(chunk);
}

/** Starts a body of either kind into a sink. */
export function startBody(body: Body, sink: BodySink): void {
  if (!(body instanceof HeldBody)) {
    body.start(sink);
    return;
  }
  if (body.length > 0) sink.data(body.content);
  sink.end(body.trailers);
}

/** A sink that collects a body, up to `max` bytes; past it the source is cancelled and `done` gets a failure. */
export class Collector implements BodySink {
  readonly #source: BodySource;
  readonly #max: number;
  readonly #done: (result: HeldBody | BodyFailure) => void;
  readonly #pieces: Uint8Array[] = [];
  #size = 0;
  #over = false;

  constructor(source: BodySource, max: number, done: (result: HeldBody | BodyFailure) => void) {
    this.#source = source;
    this.#max = max;
    this.#done = done;
  }

  data(chunk: Chunk): boolean {
    if (this.#over) return true;
    this.#size += chunk.length;
    if (this.#size > this.#max) {
      this.#over = true;
      this.#source.cancel();
      this.#done({ code: "body_too_large", detail: `more than ${this.#max} bytes` });
      return true;
    }
    this.#pieces.push(ownedCopy(chunk));
    return true;
  }

  end(trailers?: Fields): void {
    if (!this.#over) this.#done(new HeldBody(Buffer.concat(this.#pieces, this.#size), trailers));
    this.#over = true;
  }

  fail(failure: BodyFailure): void {
    if (!this.#over) this.#done(failure);
    this.#over = true;
  }
}
