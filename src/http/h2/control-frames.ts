import { Failure } from "../../errors/failure.ts";
import type { Http2Connection } from "./connection.ts";
import { ErrorCode, Flag, WINDOW_MAX } from "./protocol.ts";

/** The frames that carry nothing and only control: each is checked, paid for, and obeyed (RFC 9113 §6.3–§6.9). */
export class ControlFrames {
  readonly #connection: Http2Connection;

  constructor(connection: Http2Connection) {
    this.#connection = connection;
  }

  windowUpdate(id: number, bytes: Buffer, from: number, to: number): void {
    const connection = this.#connection;
    if (to - from !== 4) {
      connection.broken(ErrorCode.frameSize, "WINDOW_UPDATE does not have 4 octets");
      return;
    }
    if (!connection.spend(1)) return;
    const increment = bytes.readUInt32BE(from) & 0x7fff_ffff;
    if (id === 0) {
      connection.sendWindow += increment;
      if (increment === 0) connection.broken(ErrorCode.protocol, "WINDOW_UPDATE gives nothing");
      else if (connection.sendWindow > WINDOW_MAX)
        connection.broken(ErrorCode.flowControl, "a window is too large");
      else connection.writers.roomGiven();
      return;
    }
    const stream = connection.streams.get(id);
    if (stream === undefined) {
      if (connection.isIdle(id))
        connection.broken(ErrorCode.protocol, "WINDOW_UPDATE stands on an idle stream");
      return;
    }
    stream.sendWindow += increment;
    if (increment === 0) connection.streamError(id, ErrorCode.protocol);
    else if (stream.sendWindow > WINDOW_MAX) connection.streamError(id, ErrorCode.flowControl);
    else stream.roomGiven();
  }

  resetStream(id: number, bytes: Buffer, from: number, to: number): void {
    const connection = this.#connection;
    if (to - from !== 4) connection.broken(ErrorCode.frameSize, "RST_STREAM does not have 4 octets");
    else if (id === 0 || connection.isIdle(id))
      connection.broken(ErrorCode.protocol, "RST_STREAM stands on an idle stream");
    else {
      const code = bytes.readUInt32BE(from);
      const stream = connection.streams.get(id);
      if (stream === undefined) {
        connection.spend(1);
        return;
      }
      connection.forget(stream);
      stream.left(new Failure("client_left"), code);
      connection.peerReset(code);
      connection.settle();
    }
  }

  ping(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    const connection = this.#connection;
    if (id !== 0) connection.broken(ErrorCode.protocol, "PING stands on a stream");
    else if (to - from !== 8) connection.broken(ErrorCode.frameSize, "PING does not have 8 octets");
    else if ((flags & Flag.ack) !== 0) {
      if (!connection.pingAnswered(bytes, from)) connection.spend(1);
    } else if (connection.spend(1)) connection.output.ping(true, bytes, from);
  }

  goAway(id: number, bytes: Buffer, from: number, to: number): void {
    const connection = this.#connection;
    if (id !== 0) connection.broken(ErrorCode.protocol, "GOAWAY stands on a stream");
    else if (to - from < 8) connection.broken(ErrorCode.frameSize, "GOAWAY has fewer than 8 octets");
    else if (connection.spend(1))
      connection.peerLeaves(bytes.readUInt32BE(from) & 0x7fff_ffff, bytes.readUInt32BE(from + 4));
  }

  /** Deprecated and not obeyed, but checked (RFC 9113 §6.3). */
  priority(id: number, length: number): void {
    const connection = this.#connection;
    if (id === 0) connection.broken(ErrorCode.protocol, "PRIORITY stands on stream 0");
    else if (length === 5) connection.spend(1);
    else if (connection.streams.has(id)) connection.streamError(id, ErrorCode.frameSize);
    else connection.broken(ErrorCode.frameSize, "PRIORITY does not have 5 octets");
  }
}
