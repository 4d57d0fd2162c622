import {
  type Body,
  type BodyFailure,
  type BodySink,
  type BodySource,
  type Chunk,
  HeldBody,
} from "../lib/body.ts";
import type { Fields } from "../lib/fields.ts";

/** A body on its way to a service, without some of its trailers. Its pieces pass as they are. */
class FilteredTrailers implements BodySource, BodySink {
  readonly length: number | undefined;
  readonly #source: BodySource;
  readonly #names: readonly string[];
  #sink: BodySink | undefined = undefined;

  constructor(source: BodySource, names: readonly string[]) {
    this.length = source.length;
    this.#source = source;
    this.#names = names;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#source.start(this);
  }

  data(chunk: Chunk): boolean {
    return this.#sink?.data(chunk) ?? true;
  }

  end(trailers?: Fields): void {
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.end(trailers && without(trailers, this.#names));
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

/** The body without trailers of these names, which are in lower case. */
export function withoutTrailers(body: Body, names: readonly string[]): Body {
  if (!(body instanceof HeldBody)) return new FilteredTrailers(body, names);
  return body.trailers === undefined ? body : new HeldBody(body.content, without(body.trailers, names));
}

function without(trailers: Fields, names: readonly string[]): Fields {
  const left = trailers.clone();
  for (const name of names) left.remove(name);
  return left;
}
