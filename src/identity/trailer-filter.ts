import {
  type Body,
  type BodyFailure,
  type BodySink,
  type BodySource,
  type Chunk,
  HeldBody,
} from "../lib/body.ts";
import type { Fields } from "../lib/fields.ts";

/** Names in lower case, or what says of one that is in lower case whether it is meant. */
type Names = readonly string[] | ((name: string) => boolean);

/** A body on its way to a service, without some of its trailers. Its pieces pass as they are. */
class FilteredTrailers implements BodySource, BodySink {
  readonly length: number | undefined;
  readonly #source: BodySource;
  readonly #names: Names;
  #sink: BodySink | undefined = undefined;

  constructor(source: BodySource, names: Names) {
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

/** The body without trailers of these names, which are in lower case; or of those for which the function says true. */
export function withoutTrailers(body: Body, names: readonly string[] | ((name: string) => boolean)): Body {
  if (!(body instanceof HeldBody)) return new FilteredTrailers(body, names);
  return body.trailers === undefined ? body : new HeldBody(body.content, without(body.trailers, names));
}

function without(trailers: Fields, names: Names): Fields {
  const left = trailers.clone();
  const meant =
    typeof names === "function" ? [...trailers.entries()].map(([name]) => name).filter(names) : names;
  for (const name of meant) left.remove(name);
  return left;
}
