import { isUtf8 } from "node:buffer";
import { type FrameHeader, Opcode } from "./websocket-frame.ts";

/** What the messages of one direction of a WebSocket must keep to; 0 for no limit. */
export interface MessageRules {
  /** Octets of a message, its fragments together. */
  readonly maxMessage: number;
  /** Octets of one frame's payload. */
  readonly maxFrame: number;
  readonly text: boolean;
  readonly binary: boolean;
  readonly rate: MessageRate | undefined;
  /** Whether texts are held until they are whole and found to be UTF-8. */
  readonly utf8: boolean;
  /** What is wrong with the text of a message, which is held until it is whole; undefined where nothing is asked of it. */
  readonly check: ((text: string) => string | undefined) | undefined;
  /** What `check` refuses is left out and its sender told, instead of closing. */
  readonly drops: boolean;
}

/** How many messages may come. */
export interface MessageRate {
  readonly perSecond: number;
  /** Messages that may come at once. */
  readonly burst: number;
  /** What is too much waits, instead of closing. */
  readonly delays: boolean;
}

/** Why a WebSocket is closed (RFC 6455 §7.4.1), or a message left out. */
export interface Refusal {
  /** Status of the Close frame. */
  readonly code: number;
  /** The reason of the gateway's table; without the sender, which stands before it. */
  readonly reason: "malformed" | "too_large" | "kind" | "rate" | "invalid";
  readonly detail: string;
}

/** A message that is held is at most so large where the rules set no limit. */
export const HELD_MAX = 1_048_576;

const malformed = (detail: string, code = 1_002): Refusal => ({ code, reason: "malformed", detail });
const tooLarge = (detail: string): Refusal => ({ code: 1_009, reason: "too_large", detail });

/** Compares the frames of one direction with the protocol and with its rules (RFC 6455 §5), by their headers. */
export class FrameRules {
  readonly #rules: MessageRules;
  readonly #maxMessage: number;
  readonly #masked: boolean;
  readonly #compressed: boolean;
  /** Octets of the message that has begun. */
  #size = 0;
  /** A message has begun and not ended: what follows are its fragments. */
  #open = false;
  /** Opcode of the message that began last. */
  #kind: number = Opcode.continuation;
  readonly #holdsText: boolean;

  /**
   * @param masked the frames are a client's
   * @param compressed permessage-deflate was agreed on, which uses a reserved bit (RFC 7692 §6)
   */
  constructor(rules: MessageRules, masked: boolean, compressed: boolean) {
    this.#rules = rules;
    this.#masked = masked;
    this.#compressed = compressed;
    this.#holdsText = rules.utf8 || rules.check !== undefined;
    const none = this.#holdsText ? HELD_MAX : Number.MAX_SAFE_INTEGER;
    this.#maxMessage = rules.maxMessage > 0 ? rules.maxMessage : none;
  }

  /** Whether a frame is held: a Close, whose payload is looked at, and texts that are until they are whole. */
  holds({ opcode }: FrameHeader): boolean {
    if (opcode === Opcode.close) return true;
    if (!this.#holdsText || opcode > Opcode.close) return false;
    return (opcode === Opcode.continuation ? this.#kind : opcode) === Opcode.text;
  }

  /** Octets that a held message may take, the headers of its fragments counted. */
  get heldMax(): number {
    return this.#maxMessage * 2 + 1_024;
  }

  /** What is wrong with a frame; undefined where nothing is, and then `began` follows. */
  problem(header: FrameHeader): Refusal | undefined {
    if (header.masked !== this.#masked)
      return malformed(this.#masked ? "a frame is not masked" : "a frame is masked");
    if (!header.wellSized) return malformed("a length is written with too many octets");
    return header.isControl ? controlProblem(header) : this.#dataProblem(header);
  }

  #dataProblem(header: FrameHeader): Refusal | undefined {
    const { opcode, length } = header;
    if (opcode > Opcode.binary) return malformed("an opcode is not known");
    const first = opcode !== Opcode.continuation;
    if (first === this.#open)
      return malformed(first ? "a message begins within another" : "a fragment continues nothing");
    if ((header.reserved & ~(first && this.#compressed ? 0x40 : 0)) !== 0)
      return malformed("a reserved bit is set");
    const { text, binary, maxFrame } = this.#rules;
    if (opcode === Opcode.text && !text) return { code: 1_003, reason: "kind", detail: "no text is taken" };
    if (opcode === Opcode.binary && !binary)
      return { code: 1_003, reason: "kind", detail: "no binary message is taken" };
    if (maxFrame > 0 && length > maxFrame) return tooLarge(`a frame of more than ${maxFrame} bytes`);
    if ((first ? 0 : this.#size) + length > this.#maxMessage)
      return tooLarge(`a message of more than ${this.#maxMessage} bytes`);
    return undefined;
  }

  /** A frame without a problem begins. */
  began(header: FrameHeader): void {
    if (header.isControl) return;
    const { opcode, length } = header;
    if (opcode !== Opcode.continuation) {
      this.#kind = opcode;
      this.#size = 0;
    }
    this.#size += length;
    this.#open = !header.final;
  }

  /** Whether a frame counts as a message: its first, a ping or pong, and fragments of nothing, which cost no limit. */
  counts({ opcode, length, final }: FrameHeader): boolean {
    if (opcode === Opcode.close) return false;
    return opcode !== Opcode.continuation || (length === 0 && !final);
  }

  /** What is wrong with a text that is whole. */
  textProblem(content: Buffer): Refusal | undefined {
    if (!isUtf8(content)) return malformed("a text is not UTF-8", 1_007);
    const detail = this.#rules.check?.(content.toString());
    return detail === undefined ? undefined : { code: 1_008, reason: "invalid", detail };
  }
}

function controlProblem(header: FrameHeader): Refusal | undefined {
  const { opcode, length } = header;
  if (opcode > Opcode.pong) return malformed("an opcode is not known");
  if (header.reserved !== 0) return malformed("a reserved bit is set");
  if (!header.final) return malformed("a control frame is fragmented");
  if (length > 125) return malformed("a control frame is longer than 125 bytes");
  return opcode === Opcode.close && length === 1 ? malformed("a Close has half a code") : undefined;
}

/** What is wrong with the payload of a Close frame (RFC 6455 §§5.5.1, 7.4). */
export function closeProblem(payload: Uint8Array): Refusal | undefined {
  if (payload.length < 2) return undefined;
  const code = payload[0]! * 256 + payload[1]!;
  const known = code >= 1_000 && code <= 1_014 && code !== 1_004 && code !== 1_005 && code !== 1_006;
  if (!known && (code < 3_000 || code > 4_999)) return malformed(`${code} is no code of a Close`);
  return isUtf8(payload.subarray(2)) ? undefined : malformed("a Close's reason is not UTF-8", 1_007);
}
