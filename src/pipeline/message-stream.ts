import type { BodyFailure, BodySink, BodySource, Chunk } from "../lib/body.ts";
import type { Fields } from "../lib/fields.ts";
import { FrameHeader, Opcode } from "../lib/websocket-frame.ts";
import { FrameRules, type MessageRules, type Refusal } from "../lib/websocket-rules.ts";
import { HeldMessages } from "./held-messages.ts";
import { MessagePace } from "./message-pace.ts";

/** Messages that wait to be put in, at most; further ones are left out. */
const INSERTS_MAX = 8;

/** Who is told what one direction does not let pass. */
export interface MessageOwner {
  /** Milliseconds. */
  now(): number;
  /** The direction broke its rules: nothing of it passes any more but what `endWith` puts in at once. */
  refused(refusal: Refusal): void;
  /** A message was left out. */
  dropped(refusal: Refusal): void;
}

/**
 * One direction of a WebSocket, frame by frame. What passes is not copied, except for messages that are held until they
 * are whole. Nothing of a frame passes before its header is whole and was found good: what is put in, and the end after a
 * refusal, stand between two frames.
 */
export class MessageStream implements BodySource, BodySink {
  readonly length = undefined;
  readonly #owner: MessageOwner;
  readonly #rules: FrameRules;
  readonly #pace: MessagePace | undefined;
  readonly #drops: boolean;
  readonly #header = new FrameHeader();
  readonly #held: HeldMessages;
  #source: BodySource | undefined = undefined;
  #sink: BodySink | undefined = undefined;
  /** What is being passed on, and how far that went. */
  #chunk: Chunk | undefined = undefined;
  #at = 0;
  /** Octets of the frame's payload that are still to come. */
  #left = 0;
  /** Of a message that passes, not all fragments have. */
  #midMessage = false;
  /** Messages that are put in where none is under way, and the frame that is the last of all. */
  #inserts: Uint8Array[] = [];
  #last: Uint8Array | undefined = undefined;
  /** The sink still uses the last piece. */
  #busy = false;
  /** The source waits for `resume`. */
  #owes = false;
  #pumping = false;
  #ended: { readonly trailers: Fields | undefined } | undefined = undefined;
  /** Nothing passes any more. */
  #over = false;

  /**
   * @param masked the frames are a client's
   * @param compressed permessage-deflate was agreed on
   */
  constructor(owner: MessageOwner, rules: MessageRules, masked: boolean, compressed: boolean) {
    this.#owner = owner;
    this.#rules = new FrameRules(rules, masked, compressed);
    this.#held = new HeldMessages(this.#rules);
    this.#pace = rules.rate && new MessagePace(rules.rate, () => owner.now());
    this.#drops = rules.drops;
  }

  /** Says where the frames come from; called once. */
  of(source: BodySource): this {
    this.#source = source;
    return this;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#source!.start(this);
    this.#proceed();
  }

  // ---- what is put in

  /** Puts a message in, as soon as no other is under way. */
  insert(frame: Uint8Array): void {
    if (this.#over || this.#last !== undefined || this.#inserts.length >= INSERTS_MAX) return;
    this.#inserts.push(frame);
    this.#proceed();
  }

  /** Puts a Close in, as soon as no frame is under way; nothing passes behind it. */
  endWith(frame: Uint8Array): void {
    if (this.#over || this.#last !== undefined) return;
    this.#last = frame;
    this.#inserts = [];
    this.#proceed();
  }

  /** Lets nothing pass any more. */
  stop(): void {
    this.#over = true;
    this.#proceed();
  }

  #inserted(): Uint8Array | undefined {
    if (this.#left > 0 && !this.#held.active) return undefined;
    if (this.#last !== undefined) {
      this.#over = true;
      return this.#last;
    }
    return this.#midMessage ? undefined : this.#inserts.shift();
  }

  // ---- what passes

  data(chunk: Chunk): boolean {
    if (this.#over) return true;
    this.#chunk = chunk;
    this.#at = 0;
    this.#pump();
    this.#owes = this.#chunk !== undefined || this.#busy;
    return !this.#owes;
  }

  /** Passes on what can pass now. */
  #pump(): void {
    if (this.#pumping || this.#sink === undefined) return;
    this.#pumping = true;
    if (this.#last !== undefined) this.#pace?.stop();
    while (!this.#busy && !this.#over && this.#pace?.waits !== true) {
      const put = this.#inserted();
      if (put === undefined && this.#chunk === undefined) break;
      const piece = put ?? this.#advance();
      if (piece !== undefined) this.#busy = !this.#sink.data(piece);
    }
    if (this.#over) {
      this.#chunk = undefined;
      this.#pace?.stop();
    }
    this.#pumping = false;
  }

  /** Goes on in the chunk; gives what of it passes next, where something does. */
  #advance(): Chunk | undefined {
    const chunk = this.#chunk!;
    const from = this.#at;
    let at = from;
    for (;;) {
      if (this.#left > 0) {
        const end = Math.min(at + this.#left, chunk.length);
        this.#left -= end - at;
        if (this.#held.active) return this.#hold(at, end);
        at = end;
      }
      const putsIn = at > from && this.#left === 0 && (this.#last !== undefined || this.#inserts.length > 0);
      if (putsIn || (at === chunk.length && !this.#header.complete)) return this.#pass(at, at);
      const start = at;
      const carried = this.#header.size > 0;
      at = this.#header.read(chunk, at);
      if (!this.#header.complete || !this.#admits(start > from)) return this.#pass(start, at);
      this.#left = this.#header.length;
      if (this.#rules.holds(this.#header)) return this.#beginHeld(at);
      if (!this.#header.isControl) this.#midMessage = !this.#header.final;
      const header = carried ? this.#header.text() : undefined;
      this.#header.next();
      if (header !== undefined) {
        this.#goTo(at);
        return header;
      }
    }
  }

  /** The chunk passes up to `to`, and is read on from `at`. */
  #pass(to: number, at: number): Chunk | undefined {
    const chunk = this.#chunk!;
    const from = this.#at;
    this.#goTo(at);
    if (from >= to) return undefined;
    if (from === 0 && to === chunk.length) return chunk;
    return typeof chunk === "string" ? chunk.slice(from, to) : chunk.subarray(from, to);
  }

  #goTo(at: number): void {
    this.#at = at;
    if (at === this.#chunk!.length && !this.#header.complete) this.#chunk = undefined;
  }

  /**
   * Whether the frame whose header is here may begin now. With `behind`, something has to pass before it: what must stand
   * alone is asked for once more then.
   */
  #admits(behind: boolean): boolean {
    const header = this.#header;
    const problem = this.#rules.problem(header);
    if (behind && (problem !== undefined || this.#rules.holds(header))) return false;
    if (problem !== undefined) {
      this.#refuse(problem);
      return false;
    }
    const pace = this.#rules.counts(header) ? this.#pace : undefined;
    const wait = pace === undefined ? 0 : pace.take();
    if (wait === 0) {
      this.#rules.began(header);
      return true;
    }
    if (!behind && !pace!.wait(wait, () => this.#proceed()))
      this.#refuse({ code: 1_008, reason: "rate", detail: "more messages than may come" });
    return false;
  }

  #refuse(refusal: Refusal): void {
    this.#owner.refused(refusal);
    if (this.#last === undefined) this.#over = true;
  }

  #beginHeld(at: number): Chunk | undefined {
    const refusal = this.#held.begin(this.#header);
    this.#header.next();
    this.#goTo(at);
    if (refusal !== undefined) this.#refuse(refusal);
    return this.#left === 0 && refusal === undefined ? this.#frameHeld() : undefined;
  }

  #hold(from: number, to: number): Chunk | undefined {
    this.#held.add(this.#chunk!, from, to);
    this.#goTo(to);
    return this.#left === 0 ? this.#frameHeld() : undefined;
  }

  /** A held frame is whole; gives all that was held where nothing more is to come and nothing is wrong. */
  #frameHeld(): Chunk | undefined {
    const ready = this.#held.end(this.#header);
    if (ready === undefined) return undefined;
    if (ready instanceof Uint8Array) {
      this.#over = this.#header.opcode === Opcode.close;
      return ready;
    }
    if (ready.reason === "invalid" && this.#drops) this.#owner.dropped(ready);
    else this.#refuse(ready);
    return undefined;
  }

  // ---- the end, and going on

  /** Goes on by itself: outside a call of the source. */
  #proceed(): void {
    if (this.#pumping) return;
    this.#pump();
    if (this.#chunk !== undefined || this.#busy) return;
    const ended = this.#ended;
    this.#ended = undefined;
    if (ended !== undefined) this.#sink?.end(ended.trailers);
    this.#repay();
  }

  /** The last chunk is done with. */
  #repay(): void {
    if (!this.#owes) return;
    this.#owes = false;
    this.#source?.resume();
  }

  resume(): void {
    this.#busy = false;
    this.#proceed();
  }

  end(trailers?: Fields): void {
    if (this.#chunk === undefined && !this.#busy) this.#sink!.end(trailers);
    else this.#ended = { trailers };
  }

  fail(failure: BodyFailure): void {
    this.#drop();
    this.#sink!.fail(failure);
    if (!this.#busy) this.#repay();
  }

  cancel(): void {
    this.#drop();
    this.#source!.cancel();
    if (!this.#busy) this.#repay();
  }

  /** @internal The exchange is over. */
  close(): void {
    this.#drop();
    if (!this.#busy) this.#repay();
  }

  #drop(): void {
    this.#over = true;
    this.#chunk = undefined;
    this.#held.drop();
    this.#ended = undefined;
    this.#pace?.stop();
  }
}
