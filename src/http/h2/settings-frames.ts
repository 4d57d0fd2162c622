import type { Http2Connection } from "./connection.ts";
import type { HpackEncoder } from "./hpack/encoder.ts";
import { ErrorCode, Flag, WINDOW_MAX } from "./protocol.ts";

/** What SETTINGS costs: each may change every stream. */
const SETTINGS_COST = 5;

/** SETTINGS (RFC 9113 §6.5): puts those of the peer in force and acknowledges them; ours wait for the same. */
export class SettingsFrames {
  readonly #connection: Http2Connection;
  readonly #encoder: HpackEncoder;
  /** SETTINGS of ours that the peer has not acknowledged. */
  unacknowledged = 0;

  constructor(connection: Http2Connection, encoder: HpackEncoder) {
    this.#connection = connection;
    this.#encoder = encoder;
  }

  /** Sends ours: identifiers and values, alternating. */
  send(settings: readonly number[]): void {
    this.#connection.output.settings(settings);
    this.unacknowledged++;
  }

  settings(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    const connection = this.#connection;
    const ack = (flags & Flag.ack) !== 0;
    if (id !== 0) connection.broken(ErrorCode.protocol, "SETTINGS stands on a stream");
    else if (ack ? to !== from : (to - from) % 6 !== 0)
      connection.broken(ErrorCode.frameSize, "SETTINGS does not have the length that it must");
    else if (ack) {
      if (this.unacknowledged > 0) this.unacknowledged--;
      else connection.spend(1);
    } else if (!connection.greeted || connection.spend(SETTINGS_COST)) this.#apply(bytes, from, to);
  }

  #apply(bytes: Buffer, from: number, to: number): void {
    const connection = this.#connection;
    const { remote } = connection;
    const { window } = remote;
    connection.greeted = true;
    for (let at = from; at < to; at += 6) {
      const code = remote.take(bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2));
      if (code !== 0) {
        connection.broken(code, "SETTINGS holds a value that it must not");
        return;
      }
      // Each size on the way counts: the smallest empties the peer's table, whatever follows it (RFC 7541 §4.2).
      this.#encoder.setMaxTableBytes(remote.headerTable);
    }
    connection.output.settingsAck();
    connection.settingsChanged();
    const change = remote.window - window;
    if (change !== 0) this.#changeWindows(change);
  }

  #changeWindows(change: number): void {
    const { streams } = this.#connection;
    for (const stream of streams.values()) {
      stream.sendWindow += change;
      if (stream.sendWindow <= WINDOW_MAX) continue;
      this.#connection.broken(ErrorCode.flowControl, "SETTINGS makes a window too large");
      return;
    }
    if (change > 0) for (const stream of [...streams.values()]) stream.roomGiven();
  }
}
