/** TCP without HTTP in between: a client and a service that send the bytes they are told to and keep every byte they get. */
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";

/** How a byte string travels: in one write, in a few, or in one write a byte. */
export type Delivery = "whole" | "split" | "bytes";

/** One side of a TCP connection with all that it has received; bytes are latin1 text, one character a byte. */
export class RawConnection {
  /** Everything received and not yet consumed. */
  received = "";
  /** What was consumed, in order. */
  readonly consumed: string[] = [];
  /** True when the other side sent FIN or RST, or the socket is gone. */
  ended = false;
  /** True when the other side sent RST, so that an answer may be lost. */
  reset = false;
  readonly socket: Socket;
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (bytes) => {
      this.received += bytes.toString("latin1");
      this.#wake();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.reset ||= error.code === "ECONNRESET" || error.code === "EPIPE";
    });
    for (const event of ["end", "close"]) {
      socket.on(event, () => {
        this.ended = true;
        this.#wake();
      });
    }
  }

  /** Sends bytes; what the other side no longer takes is dropped. */
  send(text: string): void {
    if (this.socket.writable && text !== "") this.socket.write(text, "latin1");
  }

  /** Sends bytes piece by piece, with a turn of the event loop (or `gapMs`) after each. */
  async sendPieces(pieces: readonly string[], gapMs = 0): Promise<void> {
    for (const piece of pieces) {
      if (!this.socket.writable) return;
      this.send(piece);
      if (gapMs > 0) await sleep(gapMs);
      else await turn();
    }
  }

  /** Moves the first bytes of `received` to `consumed`. */
  consume(length: number): void {
    this.consumed.push(this.received.slice(0, length));
    this.received = this.received.slice(length);
  }

  /** Half-closes: nothing more will be sent, answers are still read. */
  end(): void {
    this.socket.end();
  }

  /** Closes at once, with RST when `reset` is set. */
  close(reset = false): void {
    if (reset) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  /** Waits until `done` holds or the other side has ended; false when `ms` passed before. */
  async until(done: (received: string) => boolean, ms: number): Promise<boolean> {
    if (this.ended || done(this.received)) return true;
    return new Promise<boolean>((resolve) => {
      const finish = (held: boolean): void => {
        clearTimeout(timer);
        this.#wake = () => undefined;
        resolve(held);
      };
      const timer = setTimeout(() => finish(false), ms);
      this.#wake = () => {
        if (this.ended || done(this.received)) finish(true);
      };
    });
  }
}

/** Opens a raw connection. */
export async function connectRaw(port: number, host = "127.0.0.1"): Promise<RawConnection> {
  const socket = connect({ port, host, allowHalfOpen: true });
  const connection = new RawConnection(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  return connection;
}

/** A TCP server whose connections keep every byte; `onBytes` decides what to answer. */
export interface RawService {
  readonly port: number;
  readonly connections: readonly RawConnection[];
  stop(): Promise<void>;
}

/** Starts a raw service; `onBytes` is called after each read, and once more when the peer has ended. */
export async function startRawService(
  onBytes: (connection: RawConnection) => void,
  port = 0,
): Promise<RawService> {
  const connections: RawConnection[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const connection = new RawConnection(socket);
    connections.push(connection);
    socket.on("data", () => onBytes(connection));
    socket.on("end", () => {
      onBytes(connection);
      socket.end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the service has no port");
  return {
    port: address.port,
    connections,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const connection of connections) connection.close();
      }),
  };
}

/** A small seeded generator of numbers in [0, 1): the same seed gives the same run. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Cuts bytes into the pieces that a delivery writes one by one. */
export function piecesOf(text: string, delivery: Delivery, random: () => number): string[] {
  if (delivery === "whole") return [text];
  // A byte a write is only worth its price where the interesting places are: long runs go in one piece.
  if (delivery === "bytes") return text.length <= 2_048 ? [...text] : splitAt(text, random, 64);
  return splitAt(text, random, 2 + Math.floor(random() * 5));
}

function splitAt(text: string, random: () => number, cuts: number): string[] {
  const places = Array.from({ length: cuts }, () => Math.floor(random() * text.length)).sort((a, b) => a - b);
  return [0, ...places].map((from, i) => text.slice(from, places[i])).filter((piece) => piece !== "");
}
