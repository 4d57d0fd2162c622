import type { Failure } from "../../errors/failure.ts";
import type { BodyFailure } from "../../lib/body.ts";
import type { Fields } from "../../lib/fields.ts";
import type { Http2Connection } from "./connection.ts";
import type { FieldSection } from "./field-section.ts";
import { ErrorCode } from "./protocol.ts";
import type { StreamBody, StreamBodyOwner } from "./stream-body.ts";
import type { StreamWriter, StreamWriterOwner } from "./stream-writer.ts";

/**
 * One stream, whichever side opened it (RFC 9113 §5.1): what it has in common are its windows, its two ends and its two
 * bodies.
 */
export abstract class Http2Stream implements StreamBodyOwner, StreamWriterOwner {
  readonly id: number;
  readonly connection: Http2Connection;
  sendWindow: number;
  /** Octets that the peer may still send. */
  receiveWindow: number;
  /** Octets that were taken and for which no WINDOW_UPDATE was sent. */
  #unreturned = 0;
  body: StreamBody | undefined = undefined;
  writer: StreamWriter | undefined = undefined;
  /** END_STREAM came. */
  remoteEnded = false;
  /** END_STREAM went. */
  localEnded = false;
  /** It is over in both directions, or reset. */
  closed = false;

  constructor(id: number, connection: Http2Connection) {
    this.id = id;
    this.connection = connection;
    this.sendWindow = connection.remote.window;
    this.receiveWindow = connection.ownWindow;
  }

  // ---- what arrives

  /** A header block arrived behind the first. */
  abstract laterHeaders(section: FieldSection, endStream: boolean): void;

  /** The peer gave the stream up, or the connection is gone; it is not in the connection's books any more. */
  abstract left(failure: Failure, code: number): void;

  /** Told in each sweep: milliseconds since the last. */
  abstract look(now: number, elapsed: number): void;

  /** END_STREAM came behind the content. */
  protected endIncoming(trailers: Fields | undefined): void {
    this.remoteEnded = true;
    this.body?.end(trailers);
  }

  /** Content of a DATA frame. */
  data(bytes: Buffer, from: number, to: number, reused: boolean): void {
    if (this.body === undefined) this.consumed(to - from);
    else this.body.push(bytes, from, to, reused);
  }

  /** A DATA frame is over. */
  dataEnds(padding: number, endStream: boolean): void {
    if (padding > 0) this.consumed(padding);
    if (this.body?.contradicts) {
      this.contradicted();
      return;
    }
    if (endStream) this.endIncoming(undefined);
    if (this.body?.contradicts) this.contradicted();
  }

  /** The content is longer or shorter than Content-Length said. */
  abstract contradicted(): void;

  consumed(octets: number): void {
    this.connection.incoming.consumed(octets);
    if (this.remoteEnded || this.closed) return;
    this.#unreturned += octets;
    if (this.#unreturned < this.connection.ownWindow >> 1) return;
    this.connection.output.windowUpdate(this.id, this.#unreturned);
    this.receiveWindow += this.#unreturned;
    this.#unreturned = 0;
  }

  abstract bodyDropped(): void;

  // ---- what leaves

  /** Sends a header block: names in lower case and values, alternating. */
  sendHeaders(list: readonly string[], endStream: boolean): void {
    this.connection.sendHeaders(this.id, list, endStream);
    if (endStream) this.localEnded = true;
  }

  sendTrailers(trailers: Fields): void {
    const list: string[] = [];
    trailers.listTo(list);
    this.sendHeaders(list, true);
  }

  abstract messageWritten(): void;

  abstract messageCut(failure: BodyFailure): void;

  /** The peer gave room on this stream. */
  roomGiven(): void {
    this.writer?.go();
  }

  // ---- the end

  /** Both directions are over. */
  protected finish(): void {
    if (this.closed) return;
    this.closed = true;
    this.connection.streamOver(this);
  }

  /** Gives the stream up, so that the peer sees it. */
  protected cut(code: number = ErrorCode.internal): void {
    if (this.closed) return;
    this.closed = true;
    this.connection.resetStream(this.id, code);
    this.connection.streamOver(this);
  }
}
