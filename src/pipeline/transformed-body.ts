import { Failure } from "../errors/failure.ts";
import {
  type Body,
  type BodyFailure,
  type BodySink,
  type BodySource,
  type Chunk,
  HeldBody,
  ownedCopy,
  startBody,
} from "../lib/body.ts";
import type { Fields } from "../lib/fields.ts";
import type { Exchange } from "./exchange.ts";
import type { BodyTransform } from "./policy.ts";

/** A body on its way through a policy: what the transform gives takes the place of what it got. */
export class TransformedBody implements BodySource, BodySink {
  readonly length: number | undefined;
  readonly #x: Exchange;
  readonly #body: Body;
  readonly #transform: BodyTransform;
  readonly #tap: boolean;
  readonly #policy: string;
  #sink: BodySink | undefined = undefined;
  /** The transform or the sink is not done with the last piece. */
  #waiting = false;
  #over = false;
  #ended: { trailers: Fields | undefined } | undefined = undefined;

  constructor(x: Exchange, body: Body, transform: BodyTransform, tap: boolean, policy: string) {
    this.#x = x;
    this.#body = body;
    this.#transform = transform;
    this.#tap = tap;
    this.#policy = policy;
    this.length = tap ? body.length : undefined;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    startBody(this.#body, this);
  }

  data(chunk: Chunk): boolean {
    if (this.#over) return true;
    const bytes = ownedCopy(chunk);
    const made = this.#ask(() => this.#transform.chunk(bytes));
    const given = this.#tap ? (made instanceof Promise ? made.then(() => bytes) : bytes) : made;
    return this.#give(given, () => this.#goOn());
  }

  end(trailers?: Fields): void {
    if (this.#over) return;
    this.#ended = { trailers };
    if (!this.#waiting) this.#finish();
  }

  fail(failure: BodyFailure): void {
    if (this.#over) return;
    this.#over = true;
    try {
      this.#transform.fail?.(failure);
    } finally {
      this.#sink?.fail(failure);
    }
  }

  resume(): void {
    if (this.#waiting) this.#goOn();
  }

  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    if (!(this.#body instanceof HeldBody)) this.#body.cancel();
    this.#transform.fail?.({ code: "client_left" });
  }

  /** Hands on what the transform gave, now or when its promise is kept; `then` follows when the sink has taken it. */
  #give(made: Uint8Array | undefined | Promise<Uint8Array | undefined>, then: () => void): boolean {
    if (made instanceof Promise) {
      this.#waiting = true;
      made.then(
        (late) => {
          if (this.#over) return;
          if (late === undefined || late.length === 0 || this.#sink!.data(late)) then();
        },
        (error) => this.#broke(error),
      );
      return false;
    }
    if (this.#over || made === undefined || made.length === 0) return true;
    const taken = this.#sink!.data(made);
    this.#waiting = !taken;
    return taken;
  }

  #goOn(): void {
    this.#waiting = false;
    if (this.#over) return;
    if (this.#ended !== undefined) this.#finish();
    else if (!(this.#body instanceof HeldBody)) this.#body.resume();
  }

  #finish(): void {
    const { trailers } = this.#ended!;
    const close = (): void => {
      if (this.#over) return;
      this.#over = true;
      this.#sink!.end(trailers);
    };
    const last = this.#ask(() => this.#transform.end?.(trailers));
    if (this.#tap || last === undefined) {
      if (last instanceof Promise) last.then(close, (error) => this.#broke(error));
      else close();
      return;
    }
    if (!(last instanceof Promise)) {
      if (!this.#over && last.length > 0) this.#sink!.data(last);
      close();
      return;
    }
    last.then(
      (late) => {
        if (late !== undefined && late.length > 0 && !this.#over) this.#sink!.data(late);
        close();
      },
      (error) => this.#broke(error),
    );
  }

  #ask<T>(fn: () => T): T | undefined {
    try {
      return fn();
    } catch (error) {
      this.#broke(error);
      return undefined;
    }
  }

  /** The transform broke: what went out cannot be taken back, so the message is cut. */
  #broke(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    const failure = new Failure("policy_failed", `policy ${this.#policy}`, error);
    this.#x.snapshot.sink.failure(this.#x, failure);
    if (!(this.#body instanceof HeldBody)) this.#body.cancel();
    this.#sink?.fail(failure);
  }
}
