import type { Socket } from "node:net";
import { HUNG_AFTER_MS } from "./wait.ts";

/** One field of a head or trailer section, the name as it was on the wire. */
export type Field = readonly [name: string, value: string];

/** How the end of a body is found: its length, its chunks, or the end of the connection (RFC 9112, section 6.3). */
export type Framing = number | "chunked" | "close";

/** A start line and its fields. */
export interface Head {
  readonly start: string;
  readonly fields: readonly Field[];
}

/** The message ended before it was complete. */
export class CutError extends Error {}

const FIELD =
  /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*((?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)[ \t]*$/;

/** Reads HTTP/1.1 messages from a socket, only as much as is asked for, and refuses whatever breaks RFC 9112. */
export class Wire {
  readonly socket: Socket;
  /** The trailer section of the last chunked body that was read to its end. */
  trailers: readonly Field[] = [];
  #pending: Buffer = Buffer.alloc(0);
  #ended = false;
  #failure: Error | undefined;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("readable", () => this.#wake());
    for (const event of ["end", "close"]) {
      socket.on(event, () => {
        this.#ended = true;
        this.#wake();
      });
    }
    socket.on("error", (error) => {
      this.#failure = error;
      this.#wake();
    });
  }

  /** The next bytes, at most `most`; undefined after the peer's FIN. Throws what broke the connection. */
  async take(most: number = Number.POSITIVE_INFINITY): Promise<Buffer | undefined> {
    while (this.#pending.length === 0) if (!(await this.#fill())) return undefined;
    const taken = this.#pending.subarray(0, most);
    this.#pending = this.#pending.subarray(taken.length);
    return taken;
  }

  /** The next line, without its CRLF. */
  async line(): Promise<string> {
    let end = this.#pending.indexOf("\r\n");
    while (end < 0) {
      if (!(await this.#fill())) throw this.#cut("a line");
      end = this.#pending.indexOf("\r\n");
    }
    const line = this.#pending.toString("latin1", 0, end);
    this.#pending = this.#pending.subarray(end + 2);
    if (/[\r\n\0]/.test(line)) throw new Error(`bare CR, LF or NUL in the line ${JSON.stringify(line)}`);
    return line;
  }

  /** The next head; undefined when the peer ended the connection before its first byte. */
  async head(): Promise<Head | undefined> {
    if (this.#pending.length === 0 && !(await this.#fill())) return undefined;
    return { start: await this.line(), fields: await this.#fields() };
  }

  /** The pieces of a body as they come, each at most `most` bytes. */
  async *body(framing: Framing, most?: number): AsyncGenerator<Buffer, void, undefined> {
    this.trailers = [];
    if (framing === "chunked") yield* this.#chunks(most);
    else if (framing === "close") {
      for (let piece = await this.take(most); piece; piece = await this.take(most)) yield piece;
    } else yield* this.#exactly(framing, most);
  }

  /** Everything up to the end of the connection, whether it ended by FIN or by a reset. */
  async rest(): Promise<{ bytes: Buffer; how: "fin" | "reset" }> {
    const pieces: Buffer[] = [];
    try {
      for (let piece = await this.take(); piece; piece = await this.take()) pieces.push(piece);
    } catch (error) {
      if (!/^(ECONNRESET|EPIPE)$/.test((error as NodeJS.ErrnoException).code ?? "")) throw error;
      return { bytes: Buffer.concat(pieces), how: "reset" };
    }
    return { bytes: Buffer.concat(pieces), how: "fin" };
  }

  async *#exactly(length: number, most = Number.POSITIVE_INFINITY): AsyncGenerator<Buffer, void, undefined> {
    for (let left = length; left > 0; ) {
      const piece = await this.take(Math.min(left, most));
      if (!piece) throw this.#cut(`${left} more bytes of ${length}`);
      left -= piece.length;
      yield piece;
    }
  }

  async *#chunks(most?: number): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const size = await this.line();
      if (!/^[0-9A-Fa-f]{1,8}$/.test(size)) throw new Error(`no chunk size: ${JSON.stringify(size)}`);
      const length = Number.parseInt(size, 16);
      if (length === 0) break;
      yield* this.#exactly(length, most);
      if ((await this.line()) !== "") throw new Error("no CRLF behind a chunk");
    }
    this.trailers = await this.#fields();
  }

  async #fields(): Promise<Field[]> {
    const fields: Field[] = [];
    for (let line = await this.line(); line !== ""; line = await this.line()) {
      const [, name, value] = FIELD.exec(line) ?? [];
      if (name === undefined || value === undefined) throw new Error(`no field: ${JSON.stringify(line)}`);
      fields.push([name, value]);
    }
    return fields;
  }

  /** Gets more bytes into `#pending`; false at the end of the connection. */
  async #fill(): Promise<boolean> {
    for (;;) {
      const chunk = this.socket.read() as Buffer | null;
      if (chunk) {
        this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
        return true;
      }
      if (this.#failure) throw this.#failure;
      if (this.#ended) return false;
      await this.#event();
    }
  }

  async #event(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const seen = JSON.stringify(this.#pending.toString("latin1", 0, 200));
    const hung = new Error(`no byte came for ${HUNG_AFTER_MS} ms, unread so far: ${seen}`);
    const timer = setTimeout(() => reject(hung), HUNG_AFTER_MS);
    await promise.finally(() => clearTimeout(timer));
  }

  #cut(what: string): CutError {
    return new CutError(
      `the connection ended, expected ${what}, unread: ${this.#pending.toString("latin1", 0, 200)}`,
    );
  }
}

/** The values of all fields of that name, in order. */
export function fieldValues(fields: readonly Field[], name: string): string[] {
  return fields.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value);
}

/** The field's value, several joined as a list; undefined when there is none. */
export function fieldValue(fields: readonly Field[], name: string): string | undefined {
  const values = fieldValues(fields, name);
  return values.length === 0 ? undefined : values.join(", ");
}

/** Framing by the two fields that RFC 9112 section 6 knows; `otherwise` is for a head that has neither. */
export function framingOf<T>(fields: readonly Field[], otherwise: T): Framing | T {
  const lengths = fieldValues(fields, "content-length");
  const codings = fieldValue(fields, "transfer-encoding");
  if (codings !== undefined) {
    if (codings.toLowerCase() !== "chunked") throw new Error(`transfer-encoding: ${codings}`);
    if (lengths.length > 0) throw new Error("both transfer-encoding and content-length");
    return "chunked";
  }
  if (lengths.length === 0) return otherwise;
  if (lengths.length > 1 || !/^\d+$/.test(lengths[0]!))
    throw new Error(`content-length: ${lengths.join(", ")}`);
  return Number(lengths[0]);
}

/** All the pieces as one buffer. */
export async function joined(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(pieces));
}
