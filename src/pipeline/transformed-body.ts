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
import { GONE, isThenable, LATE } from "./chain.ts";
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
  #ended: { readonly trailers: Fields | undefined } | undefined = undefined;

  constructor(x: Exchange, body: Body, transform: BodyTransform, tap: boolean, policy: string) {
    if (typeof transform.chunk !== "function") throw new TypeError("a body step gave no transform");
    this.#x = x;
    this.#body = body;
    this.#transform = transform;
    this.#tap = tap;
    this.#policy = policy;
    const trailing = body instanceof HeldBody && body.trailers !== undefined;
    this.length = tap && !trailing ? body.length : undefined;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    startBody(this.#body, this);
  }

  data(chunk: Chunk): boolean {
    if (this.#over) return true;
    const bytes = ownedCopy(chunk);
    this.#waiting = true;
    this.#ask(
      () => this.#transform.chunk(bytes),
      (made) => {
        const given = this.#tap ? bytes : made;
        if (given === undefined || given.length === 0 || this.#sink!.data(given)) this.#goOn();
      },
    );
    return !this.#waiting;
  }

  end(trailers?: Fields): void {
    if (this.#over) return;
    this.#ended = { trailers };
    if (!this.#waiting) this.#finish(trailers);
  }

  fail(failure: BodyFailure): void {
    if (this.#over) return;
    this.#over = true;
    this.#tellFailed(failure);
    this.#sink?.fail(failure);
  }

  resume(): void {
    if (this.#waiting) this.#goOn();
  }

  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    if (!(this.#body instanceof HeldBody)) this.#body.cancel();
    this.#tellFailed({ code: "client_left" });
  }

  /** The last piece is done with. */
  #goOn(): void {
    if (!this.#waiting) return;
    this.#waiting = false;
    if (this.#over) return;
    if (this.#ended !== undefined) this.#finish(this.#ended.trailers);
    else if (!(this.#body instanceof HeldBody)) this.#body.resume();
  }

  #finish(trailers: Fields | undefined): void {
    this.#ask(
      () => this.#transform.end?.(trailers),
      (last) => {
        if (last !== undefined && last.length > 0 && !this.#tap) this.#sink!.data(last);
        this.#over = true;
        this.#sink!.end(trailers);
      },
    );
  }

  /** Asks the transform and goes on with what it gives, now or when its promise is kept within the time for steps. */
  #ask(ask: () => unknown, goOn: (made: Uint8Array | undefined) => void): void {
    const take = (made: unknown): void => {
      if (this.#over) return;
      if (made === LATE) this.#broke(new Failure("policy_timeout", `policy ${this.#policy}`));
      else if (made === GONE) this.cancel();
      else if (made === undefined || made instanceof Uint8Array || this.#tap)
        goOn(made as Uint8Array | undefined);
      else this.#failed(new TypeError("a body's transform gave neither bytes nor undefined"));
    };
    try {
      const made = ask();
      if (isThenable(made))
        this.#x
          .within(made)
          .then(take)
          .catch((error) => this.#failed(error));
      else take(made);
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(cause: unknown): void {
    this.#broke(new Failure("policy_failed", `policy ${this.#policy}`, cause));
  }

  /** The transform broke: what went out cannot be taken back, so the message is cut. */
  #broke(failure: Failure): void {
    if (this.#over) return;
    this.#over = true;
    this.#x.report(failure);
    if (!(this.#body instanceof HeldBody)) this.#body.cancel();
    this.#sink?.fail(failure);
  }

  #tellFailed(failure: BodyFailure): void {
    try {
      this.#transform.fail?.(failure);
    } catch (error) {
      this.#x.report(new Failure("policy_failed", `policy ${this.#policy}`, error));
    }
  }
}
