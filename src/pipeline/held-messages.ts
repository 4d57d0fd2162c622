import type { Chunk } from "../lib/body.ts";
import { type FrameHeader, Opcode } from "../lib/websocket-frame.ts";
import { HeldFrames } from "../lib/websocket-held.ts";
import { closeProblem, type FrameRules, type Refusal } from "../lib/websocket-rules.ts";

/** What of one direction is held: a Close until it is whole, a text until all its fragments are here. */
export class HeldMessages {
  readonly #rules: FrameRules;
  /** Where the frame that is arriving is held. */
  #into: HeldFrames | undefined = undefined;
  /** A text of which not all fragments have come. */
  #message: HeldFrames | undefined = undefined;

  constructor(rules: FrameRules) {
    this.#rules = rules;
  }

  /** Whether the frame that is arriving is held. */
  get active(): boolean {
    return this.#into !== undefined;
  }

  /** A frame begins that is held; gives what is wrong where it is one too many. */
  begin(header: FrameHeader): Refusal | undefined {
    const size = header.size + header.length;
    let into = header.opcode === Opcode.close ? undefined : this.#message;
    into ??= new HeldFrames(size);
    if (header.opcode !== Opcode.close) this.#message = into;
    this.#into = into;
    into.add(header.octets, 0, header.size);
    if (into.size <= this.#rules.heldMax) return undefined;
    return { code: 1_009, reason: "too_large", detail: "a message in too many fragments" };
  }

  /** Takes a part of the frame's payload. */
  add(chunk: Chunk, from: number, to: number): void {
    this.#into!.add(chunk, from, to);
  }

  /** The frame is whole; gives all that passes now, or what is wrong with it, or nothing where more is to come. */
  end({ opcode, final }: FrameHeader): Buffer | Refusal | undefined {
    const into = this.#into!;
    this.#into = undefined;
    if (opcode === Opcode.close) return closeProblem(into.content()) ?? into.frames;
    if (!final) return undefined;
    this.#message = undefined;
    return this.#rules.textProblem(into.content()) ?? into.frames;
  }

  /** Gives up what is held. */
  drop(): void {
    this.#into = undefined;
    this.#message = undefined;
  }
}
