import type { Http2Connection } from "./connection.ts";
import type { DataSink } from "./frame-reader.ts";
import { ErrorCode, Flag, WINDOW_INITIAL } from "./protocol.ts";
import type { Http2Stream } from "./stream.ts";

/** DATA frames and the window that all streams of a connection share (RFC 9113 §6.1, §6.9). */
export class IncomingData implements DataSink {
  readonly #connection: Http2Connection;
  readonly #most: number;
  /** Octets that the peer may still send on all streams. */
  #window: number = WINDOW_INITIAL;
  /** Octets that are done with and for which no WINDOW_UPDATE was sent. */
  #unreturned = 0;
  /** The stream of the frame that is being read; undefined when nobody takes it. */
  #stream: Http2Stream | undefined = undefined;
  #length = 0;
  /** Octets of it that were not handed on. */
  #left = 0;
  #ends = false;

  /** @param window octets that may be under way on all streams together; at least 65535 */
  constructor(connection: Http2Connection, window: number) {
    this.#connection = connection;
    this.#most = window;
  }

  /** Tells the peer of the whole window. */
  announce(): void {
    const more = this.#most - this.#window;
    if (more > 0) this.#connection.output.windowUpdate(0, more);
    this.#window = this.#most;
  }

  dataBegins(id: number, flags: number, length: number): void {
    const connection = this.#connection;
    if (!connection.greeted || connection.inBlock || id === 0 || connection.isIdle(id)) {
      connection.broken(ErrorCode.protocol, "DATA stands where it must not");
      return;
    }
    if (length > this.#window) {
      connection.broken(ErrorCode.flowControl, "DATA exceeds the window of the connection");
      return;
    }
    this.#window -= length;
    this.#length = length;
    this.#left = length;
    this.#ends = (flags & Flag.endStream) !== 0;
    this.#stream = undefined;
    const stream = connection.streams.get(id);
    if (stream === undefined) this.#ofNoStream(id, length);
    else if (stream.remoteEnded) connection.streamError(id, ErrorCode.streamClosed);
    else if (length > stream.receiveWindow) connection.streamError(id, ErrorCode.flowControl);
    else {
      stream.receiveWindow -= length;
      this.#stream = stream;
    }
  }

  #ofNoStream(id: number, length: number): void {
    const connection = this.#connection;
    if (!connection.resetStreams.has(id)) connection.streamError(id, ErrorCode.streamClosed);
    else if (!connection.resetStreams.take(id, length))
      connection.broken(ErrorCode.flowControl, "DATA exceeds the window of a stream that was reset");
  }

  data(bytes: Buffer, from: number, to: number, reused: boolean): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    this.#left -= to - from;
    if (stream.closed) this.consumed(to - from);
    else stream.data(bytes, from, to, reused);
  }

  dataEnds(padding: number): void {
    const stream = this.#stream;
    this.#stream = undefined;
    // What holds nothing is work for nothing, unless it ends its stream.
    const empty = padding === this.#length && (stream === undefined || !this.#ends);
    if (empty && !this.#connection.spend(1)) return;
    // What no stream took is not held back from the others.
    if (stream === undefined || stream.closed) this.consumed(this.#left);
    else stream.dataEnds(padding, this.#ends);
  }

  /** So many octets are done with: once there are enough, the peer may send as many more. */
  consumed(octets: number): void {
    this.#unreturned += octets;
    if (this.#unreturned < this.#most >> 1 || this.#connection.closing) return;
    this.#connection.output.windowUpdate(0, this.#unreturned);
    this.#window += this.#unreturned;
    this.#unreturned = 0;
  }
}
