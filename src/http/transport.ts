import { connect, type NetConnectOpts, Socket } from "node:net";
import { SHARED } from "./buffers.ts";
import { unwatch, watch } from "./sweeper.ts";
import { type Gated, TlsGate } from "./tls-gate.ts";

/** How sockets are read: `onread` into our buffers (no allocation a read), or by `data` events (any stream). */
export type ReadMode = "onread" | "data";

/** What a connection is told by its transport. */
export interface TransportOwner {
  /**
   * Bytes arrived in `bytes[0, to)`. `reused`: the next read of any socket overwrites them.
   * Returns false to stop reading until `resume`.
   */
  received(bytes: Buffer, to: number, reused: boolean): boolean;
  /** The peer will send no more. */
  ended(): void;
  /** All that was written has left; follows a `write` that returned false. */
  drained(): void;
  /** The peer takes no more bytes. */
  writeFailed(): void;
  /** The connection is gone; the last call. `error` is the system's code, where there is one. */
  closed(error: string | undefined): void;
  connected?(): void;
  sweep(now: number): void;
}

const TRANSPORT: unique symbol = Symbol("transport");

/** The parts of a net.Socket that carry bytes without the stream's queues. */
interface RawSocket extends Socket {
  [TRANSPORT]: Transport;
  _handle: { reading: boolean; writeQueueSize: number; readStop(): number } | null;
  _read(size: number): void;
}

/** One socket, read and written without the queues of a stream: every write goes to the kernel at once. */
export class Transport implements Gated {
  #owner: TransportOwner;
  readonly #socket: RawSocket;
  readonly #mode: ReadMode;
  /** The buffer that the next read goes into; undefined for the shared one. */
  readInto: Buffer | undefined = undefined;
  #reading: Buffer | undefined = undefined;
  #pending = 0;
  #inWrite = false;
  /** Its owner does not want to read now. */
  paused = false;
  #error: string | undefined = undefined;
  /** Undefined for plain connections. */
  readonly #gate: TlsGate | undefined;
  closed = false;

  constructor(owner: TransportOwner, socket: Socket, mode: ReadMode) {
    this.#owner = owner;
    this.#mode = mode;
    const raw = socket as RawSocket;
    this.#socket = raw;
    raw[TRANSPORT] = this;
    const { encrypted } = socket as { readonly encrypted?: boolean };
    this.#gate = encrypted === true ? new TlsGate(this) : undefined;
    raw.on("end", onEnd).on("close", onClose).on("error", onError);
    if (mode === "data") raw.on("data", onData);
    watch(owner);
  }

  /** Connects to a service. The owner hears `connected`, or `closed` with the system's error. */
  static connect(owner: TransportOwner, address: NetConnectOpts, mode: ReadMode): Transport {
    const options = { ...address, allowHalfOpen: true, noDelay: true };
    const socket = fromSharedBuffer(() =>
      connect(mode === "onread" ? { ...options, onread: ONREAD } : options),
    );
    socket.on("connect", onConnect);
    return new Transport(owner, socket, mode);
  }

  /** From now on another is told what happens on this connection. */
  giveTo(owner: TransportOwner): void {
    unwatch(this.#owner);
    this.#owner = owner;
    watch(owner);
  }

  /** Lets go of the socket, which somebody else reads and writes from now on; the owner hears nothing any more. */
  release(): Socket {
    unwatch(this.#owner);
    this.closed = true;
    const raw = this.#socket;
    raw.off("end", onEnd).off("close", onClose).off("error", onError).off("data", onData);
    return raw;
  }

  /** Whether reads can go into a buffer of the owner's choice. */
  get takesBuffers(): boolean {
    // TLS would go on in a buffer whose reading was stopped.
    return this.#mode === "onread" && this.#gate === undefined;
  }

  get socket(): Socket {
    return this.#socket;
  }

  /** Writes bytes, or a string of Latin-1. True: the kernel took all; false: `drained` follows. */
  write(data: string | Uint8Array): boolean {
    if (this.#gate !== undefined && this.#pending > 0) return this.#gate.wait(data);
    this.#pending++;
    this.#inWrite = true;
    this.#socket._write(
      data,
      (typeof data === "string" ? "latin1" : "buffer") as BufferEncoding,
      this.#written,
    );
    this.#inWrite = false;
    return this.#pending === 0;
  }

  /** Writes a head and what follows it with one call of the kernel. */
  writeWith(head: string, content: string | Uint8Array): boolean {
    return typeof content === "string" ? this.write(head + content) : this.writeAll([head, content]);
  }

  /** Writes several pieces with one call of the kernel. */
  writeAll(pieces: readonly (string | Uint8Array)[]): boolean {
    if (this.#gate !== undefined && this.#pending > 0) return this.#gate.wait(...pieces);
    const chunks = pieces.map((chunk) => ({
      chunk,
      encoding: (typeof chunk === "string" ? "latin1" : "buffer") as BufferEncoding,
    }));
    this.#pending++;
    this.#inWrite = true;
    this.#socket._writev!(chunks, this.#written);
    this.#inWrite = false;
    return this.#pending === 0;
  }

  /** Whether written bytes still wait for the kernel. */
  get busy(): boolean {
    return this.#pending > 0;
  }

  readonly #written = (error?: Error | null): void => {
    this.#pending--;
    if (error && !this.closed) this.#owner.writeFailed();
    this.#gate?.written();
    if (this.#pending === 0 && !this.#inWrite) this.#owner.drained();
  };

  pause(): void {
    if (this.paused) return;
    this.paused = true;
    const handle = this.#socket._handle;
    if (this.#mode === "data") this.#socket.pause();
    else if (handle?.reading) {
      handle.reading = false;
      handle.readStop();
    }
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    if (this.closed) return;
    if (this.#mode === "data") this.#socket.resume();
    else if (this.#gate?.resume() !== true) this.readOn();
  }

  /** @internal */
  readOn(): void {
    this.#socket._read(0);
  }

  /** Bytes that the kernel has not taken yet. */
  get backlog(): number {
    if (this.#socket.closed) return 0;
    return (this.#socket._handle?.writeQueueSize ?? 0) + (this.#gate?.size ?? 0);
  }

  /** Says that we send no more (FIN); reading goes on. */
  endWrite(): void {
    if (this.#gate !== undefined && this.#pending > 0) this.#gate.endLater();
    else this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Closes so that the peer sees a reset, not an end; with TLS, an end without the notice that belongs to it. */
  reset(): void {
    if (this.#gate !== undefined) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  /** The system's or the TLS library's code of what went wrong, where something did. */
  get error(): string | undefined {
    return this.#error;
  }

  /** @internal Called by the socket's read callback; false stops the reading. */
  take(bytes: Buffer, size: number, reused: boolean): boolean {
    if (this.#gate !== undefined && this.#mode === "onread" && this.#gate.hold(bytes, size)) return false;
    const go = this.give(bytes, size, reused);
    if (this.#mode === "onread" && this.readInto !== this.#reading) {
      this.#reading = this.readInto;
      next = this.readInto ?? SHARED;
    }
    return go;
  }

  /** @internal */
  give(bytes: Buffer, size: number, reused: boolean): boolean {
    let go = false;
    try {
      go = this.#owner.received(bytes, size, reused) && !this.paused;
    } catch (error) {
      // A fault of ours costs one connection, never the process.
      process.emitWarning(error as Error);
      this.#socket.destroy();
    }
    this.paused = !go;
    return go;
  }

  /** @internal */
  finish(): void {
    this.closed = true;
    unwatch(this.#owner);
    this.#owner.closed(this.#error);
  }

  /** @internal */
  failed(error: NodeJS.ErrnoException): void {
    this.#error ??= error.code ?? error.message;
  }

  /** @internal */
  peerEnded(): void {
    if (this.#gate?.holdEnd() !== true) this.giveEnd();
  }

  /** @internal */
  giveEnd(): void {
    this.#owner.ended();
  }

  /** @internal */
  established(): void {
    this.#owner.connected?.();
  }
}

/** Which buffer Node asks for next: at a socket's start the shared one, after a read only a changed one. */
let next: Buffer | undefined = SHARED;

/** Makes a socket that begins with the shared buffer, also in the midst of another's read. */
function fromSharedBuffer<T>(make: () => T): T {
  const saved = next;
  next = SHARED;
  const made = make();
  next = saved;
  return made;
}

/**
 * Reads into the shared buffer, or the one that the connection leased. Node asks `buffer` after each callback and keeps
 * the old buffer when it gets none.
 */
const ONREAD: { buffer: () => Uint8Array; callback: (size: number, buffer: Uint8Array) => boolean } = {
  buffer: () => {
    const buffer = next;
    next = SHARED;
    return buffer as Uint8Array;
  },
  callback: onRead as (size: number, buffer: Uint8Array) => boolean,
};

function onRead(this: RawSocket, size: number, bytes: Uint8Array): boolean {
  next = undefined;
  return this[TRANSPORT].take(bytes as Buffer, size, bytes === SHARED);
}

function onData(this: Socket, bytes: Buffer): void {
  const transport = (this as RawSocket)[TRANSPORT];
  if (!transport.take(bytes, bytes.length, false)) this.pause();
}

function onEnd(this: Socket): void {
  (this as RawSocket)[TRANSPORT].peerEnded();
}

function onClose(this: Socket): void {
  (this as RawSocket)[TRANSPORT].finish();
}

function onError(this: Socket, error: NodeJS.ErrnoException): void {
  (this as RawSocket)[TRANSPORT].failed(error);
}

function onConnect(this: Socket): void {
  (this as RawSocket)[TRANSPORT].established();
}

/** Makes a socket that reads by `onread`: it is handed the option. */
export function readingOnread<T>(make: (onread: object) => T): T {
  return fromSharedBuffer(() => make(ONREAD));
}

/** Makes a socket of an accepted handle that reads by `onread`. */
export function socketOf(handle: unknown): Socket {
  const options = { handle, onread: ONREAD, allowHalfOpen: true, readable: true, writable: true };
  return fromSharedBuffer(() => new Socket(options as ConstructorParameters<typeof Socket>[0]));
}
