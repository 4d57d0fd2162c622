/** One keep-alive connection of the open-loop generator: one request at a time, as little parsing as will do. */
import { connect, type Socket } from "node:net";

/** What a connection tells its owner. */
export interface ConnectionEvents {
  /** It can take a request: after connecting, and after each answer. */
  ready(connection: Connection): void;
  /** The whole answer is here, with this status. */
  answered(connection: Connection, status: number): void;
  /** It was lost while a request was on it, could not be made, or broke the protocol. */
  failed(connection: Connection, problem: string): void;
}

const HEAD_END = Buffer.from("\r\n\r\n");
const NOTHING = Buffer.alloc(0);

export class Connection {
  /** When its request was due, for the owner. */
  due = 0;
  /** Connections made in its place so far. */
  reconnects = -1;
  readonly #port: number;
  readonly #address: string;
  readonly #events: ConnectionEvents;
  readonly #buffer = Buffer.allocUnsafeSlow(32_768);
  readonly #onread: { buffer: Buffer; callback: (bytes: number) => boolean };
  #socket: Socket | undefined;
  #busy = false;
  #closed = false;
  /** Bytes of an answer's head that came without its end. */
  #held = NOTHING;
  /** Bytes of the body still to come; -1 while the head is read. */
  #bodyLeft = -1;
  #status = 0;
  #last = false;

  constructor(port: number, address: string, events: ConnectionEvents) {
    this.#port = port;
    this.#address = address;
    this.#events = events;
    this.#onread = { buffer: this.#buffer, callback: (bytes) => this.#read(bytes) };
  }

  /** Connects; `ready` or `failed` follows. */
  open(): void {
    this.reconnects += 1;
    const socket = connect({ port: this.#port, host: this.#address, noDelay: true, onread: this.#onread });
    this.#socket = socket;
    socket.once("connect", () => this.#events.ready(this));
    socket.on("error", (error) => this.#lost(socket, error.message));
    socket.on("close", () => this.#lost(socket, "closed by the peer"));
  }

  /** Sends a request; allowed when ready. */
  send(request: Buffer, due: number): void {
    this.due = due;
    this.#busy = true;
    this.#socket!.write(request);
  }

  /** Closes it for good. */
  close(): void {
    this.#closed = true;
    this.#socket?.destroy();
  }

  #lost(socket: Socket, problem: string): void {
    if (this.#closed || socket !== this.#socket) return;
    this.#socket = undefined;
    socket.destroy();
    const failed = this.#busy || socket.connecting;
    this.#reset();
    if (failed) this.#events.failed(this, problem);
    else this.open();
  }

  #reset(): void {
    this.#busy = false;
    this.#held = NOTHING;
    this.#bodyLeft = -1;
    this.#last = false;
  }

  #read(bytes: number): boolean {
    let chunk = this.#buffer.subarray(0, bytes);
    if (this.#bodyLeft < 0) {
      if (this.#held.length > 0) chunk = Buffer.concat([this.#held, chunk]);
      const end = chunk.indexOf(HEAD_END);
      if (end < 0) {
        this.#held = Buffer.from(chunk);
        return true;
      }
      this.#head(chunk, end);
      if (this.#bodyLeft < 0) return this.#broken("an answer without content-length");
      this.#bodyLeft -= chunk.length - end - 4;
    } else {
      this.#bodyLeft -= bytes;
    }
    if (this.#bodyLeft < 0) return this.#broken("more bytes than content-length says");
    if (this.#bodyLeft === 0) this.#complete();
    return true;
  }

  /** Status, content-length and connection: close; nothing else matters here. */
  #head(chunk: Buffer, end: number): void {
    this.#status = (chunk[9]! - 48) * 100 + (chunk[10]! - 48) * 10 + (chunk[11]! - 48);
    let line = chunk.indexOf(10) + 1;
    while (line > 0 && line < end) {
      const colon = chunk.indexOf(58, line);
      // Both names begin with "co"; their lengths tell them from almost every other field without a string.
      if ((chunk[line]! | 32) === 99) this.#field(chunk, line, colon);
      line = chunk.indexOf(10, colon) + 1;
    }
  }

  #field(chunk: Buffer, line: number, colon: number): void {
    const length = colon - line;
    if (length !== 14 && length !== 10) return;
    const name = chunk.latin1Slice(line, colon).toLowerCase();
    const value = chunk.latin1Slice(colon + 1, chunk.indexOf(13, colon)).trim();
    if (name === "content-length") this.#bodyLeft = Number(value);
    else if (name === "connection" && value.toLowerCase() === "close") this.#last = true;
  }

  #complete(): void {
    const last = this.#last;
    this.#reset();
    this.#events.answered(this, this.#status);
    if (!last) {
      this.#events.ready(this);
      return;
    }
    this.#socket?.destroy();
    this.#socket = undefined;
    this.open();
  }

  #broken(problem: string): boolean {
    this.#socket?.destroy();
    this.#socket = undefined;
    this.#reset();
    this.#events.failed(this, problem);
    return false;
  }
}
