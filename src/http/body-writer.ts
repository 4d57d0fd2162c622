import { Failure } from "../errors/failure.ts";
import {
  type Body,
  type BodyFailure,
  type BodySink,
  type BodySource,
  type Chunk,
  HeldBody,
} from "../lib/body.ts";
import type { Fields } from "../lib/fields.ts";
import { CHUNKED, type Framing, UNTIL_CLOSE } from "./framing.ts";
import type { Transport } from "./transport.ts";

/** Largest head and body that are joined into one string and leave with one write. */
const JOINED = 65_536;

/** What a writer tells the connection that it writes to. */
export interface WriterOwner {
  /** Head and body are handed to the kernel or queue behind earlier bytes. */
  messageWritten(): void;
  /** The body's source failed: what was written is not a whole message. */
  messageCut(failure: BodyFailure): void;
}

/** Writes one message: its head, then its body in the framing that the head announced. */
export class BodyWriter implements BodySink {
  readonly #owner: WriterOwner;
  readonly #transport: Transport;
  readonly #framing: Framing;
  #head: string;
  #source: BodySource | undefined = undefined;
  #left: number;
  #waiting = false;
  /** Written to its end, or given up. */
  over = false;
  /** Bytes of content that were written. */
  written = 0;

  constructor(owner: WriterOwner, transport: Transport, head: string, framing: Framing) {
    this.#owner = owner;
    this.#transport = transport;
    this.#head = head;
    this.#framing = framing;
    this.#left = framing >= 0 ? framing : Number.POSITIVE_INFINITY;
  }

  /** Writes the message; a body that is all here leaves together with the head. */
  write(body: Body | undefined): void {
    if (body === undefined || body instanceof HeldBody) {
      this.#writeHeld(body);
      return;
    }
    this.#source = body;
    body.start(this);
    // Nothing came at once: the other side should not wait for the head.
    if (this.#head !== "") this.#waiting = !this.#transport.write(this.#takeHead()) || this.#waiting;
  }

  #writeHeld(body: HeldBody | undefined): void {
    const content = body?.content ?? "";
    if (typeof content === "string" && this.#framing >= 0) {
      this.over = true;
      this.written = content.length;
      this.#transport.write(this.#takeHead() + content);
      this.#owner.messageWritten();
      return;
    }
    if (content.length > 0) this.data(content);
    this.end(body?.trailers);
  }

  data(chunk: Chunk): boolean {
    const size = chunk.length;
    if (this.over || size === 0) return true;
    this.#left -= size;
    if (this.#left < 0) {
      this.fail(new Failure("internal", "a body is longer than its announced length"));
      this.#source?.cancel();
      return true;
    }
    this.written += size;
    const taken = this.#framing === CHUNKED ? this.#writeChunk(chunk, size) : this.#writePlain(chunk, size);
    this.#waiting = !taken && this.#source !== undefined;
    return taken;
  }

  #writePlain(chunk: Chunk, size: number): boolean {
    if (this.#head === "") return this.#transport.write(chunk);
    const head = this.#takeHead();
    if (typeof chunk === "string" && size <= JOINED) return this.#transport.write(head + chunk);
    return this.#transport.writeAll([head, chunk]);
  }

  #writeChunk(chunk: Chunk, size: number): boolean {
    const head = `${this.#takeHead()}${size.toString(16)}\r\n`;
    if (typeof chunk === "string") return this.#transport.write(`${head}${chunk}\r\n`);
    return this.#transport.writeAll([head, chunk, "\r\n"]);
  }

  end(trailers?: Fields): void {
    if (this.over) return;
    if (this.#framing >= 0 && this.#left > 0) {
      this.fail(new Failure("internal", "a body is shorter than its announced length"));
      return;
    }
    this.over = true;
    const tail = this.#framing === CHUNKED ? `0\r\n${trailers?.toText() ?? ""}\r\n` : "";
    if (this.#head !== "" || tail !== "") this.#transport.write(this.#takeHead() + tail);
    this.#owner.messageWritten();
  }

  fail(failure: BodyFailure): void {
    if (this.over) return;
    this.over = true;
    this.#owner.messageCut(failure);
  }

  /** The transport's queue is empty. */
  drained(): void {
    if (!this.#waiting) return;
    this.#waiting = false;
    this.#source?.resume();
  }

  /** Nobody wants the rest; what is in the kernel's hands is waited for. */
  abandon(): void {
    if (this.over) return;
    this.over = true;
    this.#source?.cancel();
  }

  /** Whether the peer will find the end only by the connection's. */
  get endsWithConnection(): boolean {
    return this.#framing === UNTIL_CLOSE;
  }

  /** The head, once. */
  #takeHead(): string {
    const head = this.#head;
    this.#head = "";
    return head;
  }
}
