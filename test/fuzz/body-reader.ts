import type { BodyFailure, BodySink, BodySource, Chunk } from "../../src/lib/body.ts";
import type { Fields } from "../../src/lib/fields.ts";
import type { Message } from "./reading.ts";

/** When the reader does what it was asked to: at once, or, where it is slow, after the read that asked. */
export class Turns {
  readonly #slow: boolean;
  readonly #waiting: (() => void)[] = [];

  constructor(slow: boolean) {
    this.#slow = slow;
  }

  get slow(): boolean {
    return this.#slow;
  }

  run(task: () => void): void {
    if (this.#slow) this.#waiting.push(task);
    else task();
  }

  /** Does what waits, and what that asks for. */
  flush(): void {
    for (let task = this.#waiting.shift(); task !== undefined; task = this.#waiting.shift()) task();
  }
}

/** Collects a message's body; a slow one keeps each piece until its turn and reads it only then. */
export class BodyReader implements BodySink {
  readonly #message: Message;
  readonly #source: BodySource | undefined;
  readonly #turns: Turns;
  readonly #done: (failure?: BodyFailure) => void;

  constructor(
    message: Message,
    source: BodySource | undefined,
    turns: Turns,
    done: (failure?: BodyFailure) => void,
  ) {
    this.#message = message;
    this.#source = source;
    this.#turns = turns;
    this.#done = done;
  }

  data(chunk: Chunk): boolean {
    const source = this.#source;
    if (!this.#turns.slow || source === undefined) {
      this.#take(chunk);
      return true;
    }
    this.#turns.run(() => {
      this.#take(chunk);
      source.resume();
    });
    return false;
  }

  end(trailers?: Fields): void {
    this.#turns.run(() => {
      this.#message.complete = true;
      if (trailers !== undefined) this.#message.trailers = [...trailers.entries()];
      this.#done();
    });
  }

  fail(failure: BodyFailure): void {
    this.#turns.run(() => this.#done(failure));
  }

  #take(chunk: Chunk): void {
    this.#message.body += typeof chunk === "string" ? chunk : Buffer.from(chunk).latin1Slice(0, chunk.length);
  }
}
