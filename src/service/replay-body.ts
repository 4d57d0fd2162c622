import { type BodyFailure, type BodySink, type BodySource, type Chunk, ownedCopy } from "../lib/body.ts";
import type { Fields } from "../lib/fields.ts";

/** Bytes of a body that are kept for another try. */
const KEPT_MAX = 65_536;

/** A body that can be sent again as long as all that was sent of it is still held. */
export class ReplayBody implements BodySource, BodySink {
  readonly length: number | undefined;
  readonly #source: BodySource;
  #kept: Uint8Array[] | undefined = [];
  #keptSize = 0;
  #sink: BodySink | undefined = undefined;
  #started = false;
  #end: { trailers: Fields | undefined } | undefined = undefined;
  #failure: BodyFailure | undefined = undefined;
  /** The source waits for a resume that no sink has given yet. */
  #stalled = false;

  constructor(source: BodySource) {
    this.#source = source;
    this.length = source.length;
  }

  /** Whether another try can send it from its beginning. */
  get whole(): boolean {
    return this.#kept !== undefined;
  }

  /** The answer has begun, or the last try is under way: nothing is kept any more. */
  forget(): void {
    this.#kept = undefined;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    for (const piece of this.#kept ?? []) sink.data(piece);
    if (!this.#started) {
      this.#started = true;
      this.#source.start(this);
    } else if (this.#failure !== undefined) sink.fail(this.#failure);
    else if (this.#end !== undefined) sink.end(this.#end.trailers);
    else this.resume();
  }

  data(chunk: Chunk): boolean {
    if (this.#kept !== undefined) {
      this.#keptSize += chunk.length;
      if (this.#keptSize > KEPT_MAX) this.#kept = undefined;
      else this.#kept.push(ownedCopy(chunk));
    }
    const taken = this.#sink === undefined ? this.#kept !== undefined : this.#sink.data(chunk);
    this.#stalled = !taken;
    return taken;
  }

  end(trailers?: Fields): void {
    this.#end = { trailers };
    this.#sink?.end(trailers);
  }

  fail(failure: BodyFailure): void {
    this.#failure = failure;
    this.#sink?.fail(failure);
  }

  resume(): void {
    if (!this.#stalled) return;
    this.#stalled = false;
    this.#source.resume();
  }

  /** A try ended without wanting the rest: while all of it is held, the next try may. */
  cancel(): void {
    this.#sink = undefined;
    if (!this.whole) this.#source.cancel();
    else this.resume();
  }

  /** No try will follow. */
  drop(): void {
    this.#sink = undefined;
    this.#kept = undefined;
    if (this.#end === undefined) this.#source.cancel();
  }
}
