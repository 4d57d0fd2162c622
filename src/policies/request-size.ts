import { z } from "zod";
import { byteSize } from "../config/byte-size.ts";
import type { BodyFailure, BodySink, BodySource, Chunk } from "../lib/body.ts";
import type { Fields } from "../lib/fields.ts";
import { definePolicy, type PolicyDefinition } from "../pipeline/policy.ts";

/** Bounds the bodies of requests. */
export const requestSize: PolicyDefinition = definePolicy({
  name: "request-size",
  // Before all that could ask the client to send its body, or hold it.
  phase: "receive",
  options: z.strictObject({
    max: byteSize.describe(
      "Bytes of a request's body at most: a number, 10MB or 512KiB; what is larger gets 413.",
    ),
  }),
  compile({ max }) {
    const detail = `more than ${max} bytes`;
    return (x) => {
      const { outgoing } = x;
      const { body } = outgoing;
      if (body === undefined) return undefined;
      if (body.length === undefined) outgoing.body = new LimitedBody(body as BodySource, max, detail);
      else if (body.length > max) return x.reject("body_too_large", detail);
      return undefined;
    };
  },
});

/** A body whose length nobody told: passes on what comes, up to a limit, and fails there. */
class LimitedBody implements BodySource, BodySink {
  readonly length = undefined;
  readonly #body: BodySource;
  readonly #detail: string;
  #left: number;
  #sink: BodySink | undefined = undefined;

  constructor(body: BodySource, max: number, detail: string) {
    this.#body = body;
    this.#left = max;
    this.#detail = detail;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#body.start(this);
  }

  resume(): void {
    this.#body.resume();
  }

  cancel(): void {
    this.#sink = undefined;
    this.#body.cancel();
  }

  data(chunk: Chunk): boolean {
    const sink = this.#sink;
    if (sink === undefined) return true;
    this.#left -= chunk.length;
    if (this.#left >= 0) return sink.data(chunk);
    this.#sink = undefined;
    this.#body.cancel();
    sink.fail({ code: "body_too_large", detail: this.#detail });
    return true;
  }

  end(trailers?: Fields): void {
    this.#sink?.end(trailers);
  }

  fail(failure: BodyFailure): void {
    this.#sink?.fail(failure);
  }
}
