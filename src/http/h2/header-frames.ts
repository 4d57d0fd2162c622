import type { HeadLimits } from "../../lib/limits.ts";
import type { Http2Connection } from "./connection.ts";
import { FieldSection } from "./field-section.ts";
import { HeaderBlock } from "./header-block.ts";
import { HpackDecoder } from "./hpack/decoder.ts";
import { ErrorCode, Flag } from "./protocol.ts";

/** HEADERS and CONTINUATION: puts header blocks together and decodes them (RFC 9113 §4.3, §6.2, §6.10). */
export class HeaderFrames {
  readonly #connection: Http2Connection;
  readonly #decoder = new HpackDecoder();
  /** The block that is under way, where it comes in several frames. */
  readonly block: HeaderBlock;
  /** The fields of the last block. */
  readonly section: FieldSection;

  constructor(connection: Http2Connection, limits: HeadLimits) {
    this.#connection = connection;
    this.block = new HeaderBlock(limits.head);
    this.section = new FieldSection(limits);
  }

  headers(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    const connection = this.#connection;
    if (id === 0) {
      connection.broken(ErrorCode.protocol, "HEADERS stands on stream 0");
      return;
    }
    const padded = (flags & Flag.padded) !== 0;
    const start = from + (padded ? 1 : 0) + ((flags & Flag.priority) !== 0 ? 5 : 0);
    if (start > to) {
      connection.broken(ErrorCode.frameSize, "a HEADERS frame is too short for its flags");
      return;
    }
    const end = padded ? to - bytes[from]! : to;
    if (end < start) {
      connection.broken(ErrorCode.protocol, "the padding of a HEADERS frame is longer than the frame");
      return;
    }
    if (!connection.streams.has(id) && !connection.mayOpen(id)) return;
    const endStream = (flags & Flag.endStream) !== 0;
    if ((flags & Flag.endHeaders) !== 0) this.#decode(id, endStream, bytes, start, end);
    else this.block.begin(id, endStream, bytes, start, end);
  }

  continuation(flags: number, bytes: Buffer, from: number, to: number): void {
    const { block } = this;
    if (!block.open) {
      this.#connection.broken(ErrorCode.protocol, "CONTINUATION stands behind no HEADERS");
      return;
    }
    if (!block.add(bytes, from, to)) {
      const detail = "a header block is too large or comes in too many frames";
      this.#connection.broken(ErrorCode.enhanceYourCalm, detail);
      return;
    }
    if ((flags & Flag.endHeaders) === 0) return;
    const { stream, endStream } = block;
    const whole = block.take();
    this.#decode(stream, endStream, whole, 0, whole.length);
  }

  /** Every block is decoded, also one that nobody wants: the table must stay that of the peer (RFC 9113 §4.3). */
  #decode(id: number, endStream: boolean, bytes: Buffer, from: number, to: number): void {
    const connection = this.#connection;
    const { section } = this;
    section.begin();
    const problem = this.#decoder.decode(bytes, from, to, section.take);
    if (problem !== "") {
      connection.broken(ErrorCode.compression, problem);
      return;
    }
    const stream = connection.streams.get(id);
    if (stream === undefined) connection.headersArrived(id, section, endStream);
    else if (stream.remoteEnded) connection.streamError(id, ErrorCode.streamClosed);
    else stream.laterHeaders(section, endStream);
  }
}
