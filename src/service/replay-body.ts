import type { BodyFailure, BodySink, BodySource, Chunk } from "../lib/body.ts";
import { ownedCopy } from "../lib/body.ts";
import type { Fields } from "../lib/fields.ts";

/** Bytes of a body that are kept for another try. */
const KEPT_MAX = 65_536;

/**
 * A body that can be sent again as long as all that was sent of it is still held. Each try after the first takes it by
 * `again`: what an earlier one still says about its memory must not be heard as the word of the one under way.
 */
export class ReplayBody implements BodySource, BodySink {
  readonly length: number | undefined;
  readonly #source: BodySource;
  #kept: Uint8Array[] | undefined = [];
  #keptSize = 0;
  #sink: BodySink | undefined = undefined;
  /** The try under way. */
  #turn = 0;
  /** The try whose sink still uses a piece of the source. */
  #owing: number | undefined = undefined;
  /** The sink has not done with what was kept. */
  #busy = false;
  /** A piece that came meanwhile. */
  #late: Chunk | undefined = undefined;
  /** A piece that came between two tries and is too large to be kept: the source waits with it for the next. */
  #spare: Chunk | undefined = undefined;
  #started = false;
  #end: { trailers: Fields | undefined } | undefined = undefined;
  #failure: BodyFailure | undefined = undefined;

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

  /** The same body for another try. */
  again(): BodySource {
    this.#turn++;
    return new Turn(this, this.#turn);
  }

  start(sink: BodySink): void {
    this.startTurn(0, sink);
  }

  resume(): void {
    this.resumeTurn(0);
  }

  cancel(): void {
    this.cancelTurn(0);
  }

  /** @internal */
  startTurn(turn: number, sink: BodySink): void {
    this.#turn = turn;
    this.#sink = sink;
    const kept = this.#kept;
    this.#busy = kept !== undefined && kept.length > 0 && !sink.data(Buffer.concat(kept));
    if (!this.#started) {
      this.#started = true;
      this.#source.start(this);
    } else if (this.#failure !== undefined) sink.fail(this.#failure);
    else if (!this.#busy) this.#goOn();
  }

  /** What was kept is with the sink: what came behind it follows. */
  #goOn(): void {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare === undefined) {
      if (this.#end !== undefined) this.#sink?.end(this.#end.trailers);
    } else if (this.data(spare)) this.#source.resume();
  }

  data(chunk: Chunk): boolean {
    if (this.#kept !== undefined) {
      if (this.#sink === undefined && this.#keptSize + chunk.length > KEPT_MAX) {
        this.#spare = chunk;
        return false;
      }
      this.#keptSize += chunk.length;
      if (this.#keptSize > KEPT_MAX) this.#kept = undefined;
      else this.#kept.push(ownedCopy(chunk));
    }
    if (this.#sink === undefined) return this.#kept !== undefined;
    if (this.#busy) {
      this.#late = chunk;
      return false;
    }
    // The sink may answer, and even end its try, before it returns.
    const turn = this.#turn;
    const taken = this.#sink.data(chunk);
    if (!taken) this.#owing = turn;
    return taken;
  }

  end(trailers?: Fields): void {
    this.#end = { trailers };
    if (!this.#busy) this.#sink?.end(trailers);
  }

  fail(failure: BodyFailure): void {
    this.#failure = failure;
    this.#sink?.fail(failure);
  }

  /** @internal */
  resumeTurn(turn: number): void {
    if (turn === this.#owing) {
      this.#owing = undefined;
      this.#source.resume();
      return;
    }
    if (turn !== this.#turn || !this.#busy) return;
    this.#busy = false;
    const late = this.#late;
    this.#late = undefined;
    if (late === undefined) this.#goOn();
    else if (this.#sink?.data(late) === false) this.#owing = turn;
    else this.#source.resume();
  }

  /** @internal A try ended without wanting the rest: while all of it is held, the next try may. */
  cancelTurn(turn: number): void {
    if (turn !== this.#turn) return;
    this.#sink = undefined;
    if (!this.whole) this.#source.cancel();
    this.#letGo();
  }

  /** No try will follow. */
  drop(): void {
    this.#sink = undefined;
    this.#kept = undefined;
    if (this.#end === undefined) this.#source.cancel();
    this.#letGo();
  }

  /** A piece that no sink has got needs nobody's word. */
  #letGo(): void {
    const piece = this.#late ?? (this.whole ? undefined : this.#spare);
    this.#busy = false;
    this.#late = undefined;
    if (!this.whole) this.#spare = undefined;
    if (piece !== undefined) this.#source.resume();
  }
}

/** A body as one try of several sees it. */
class Turn implements BodySource {
  readonly length: number | undefined;
  readonly #body: ReplayBody;
  readonly #turn: number;

  constructor(body: ReplayBody, turn: number) {
    this.#body = body;
    this.#turn = turn;
    this.length = body.length;
  }

  start(sink: BodySink): void {
    this.#body.startTurn(this.#turn, sink);
  }

  resume(): void {
    this.#body.resumeTurn(this.#turn);
  }

  cancel(): void {
    this.#body.cancelTurn(this.#turn);
  }
}
