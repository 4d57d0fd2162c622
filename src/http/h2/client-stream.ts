import { Failure } from "../../errors/failure.ts";
import type { BodyFailure } from "../../lib/body.ts";
import type { Fields } from "../../lib/fields.ts";
import type { Outgoing } from "../../lib/outgoing.ts";
import type { Carrier, ClientEvents } from "../client-contract.ts";
import { UNTIL_CLOSE } from "../framing.ts";
import { ResponseHead } from "../response-reader.ts";
import type { Http2ClientConnection } from "./client-connection.ts";
import { responseHeadOf, trailersOf } from "./client-head.ts";
import { isEmpty } from "./client-request.ts";
import { StreamWait } from "./client-wait.ts";
import type { FieldSection } from "./field-section.ts";
import { errorName } from "./frame-output.ts";
import { ErrorCode } from "./protocol.ts";
import { Http2Stream } from "./stream.ts";
import { StreamBody } from "./stream-body.ts";
import { StreamWriter } from "./stream-writer.ts";
import { acceptOf } from "./websocket-key.ts";

/** Informational replies to one request that are passed on; more are an attack. */
const INFORMATIONAL_MAX = 16;

/** One request to a service and its answer, as a stream of an HTTP/2 connection (RFC 9113 §8). */
export class Http2ClientStream extends Http2Stream implements Carrier {
  readonly #client: Http2ClientConnection;
  readonly #wait = new StreamWait();
  #events: ClientEvents | undefined = undefined;
  #method = "";
  /** The key of a WebSocket's handshake; undefined where none is asked for. */
  #key: string | undefined = undefined;
  /** The final head, until it is told. */
  #head: ResponseHead | undefined = undefined;
  #tunnel = false;
  #informational = 0;
  /** What its connection had received when it was sent. */
  #heardBefore = 0;

  constructor(id: number, client: Http2ClientConnection) {
    super(id, client);
    this.#client = client;
  }

  // ---- the request

  send(request: Outgoing, host: string, events: ClientEvents): void {
    const { body } = request;
    const tunnel = request.upgrade === "websocket";
    this.#events = events;
    this.#method = request.method;
    this.#heardBefore = this.#client.heard;
    if (tunnel) this.#key = request.fields.get("sec-websocket-key") ?? "";
    if (tunnel && !this.#client.remote.connectProtocol) {
      this.#drop(new Failure("upgrade_unsupported"));
      return;
    }
    const last = !tunnel && isEmpty(body);
    if (!this.#client.begin(this, request, host, last)) {
      this.#drop(new Failure("stream_refused", "the connection was closing"));
      return;
    }
    this.localEnded = last;
    if (last || tunnel) return;
    this.writer = new StreamWriter(this, this.#client, body!.length);
    this.writer.write(body!);
  }

  messageWritten(): void {
    this.localEnded = true;
    this.#wait.stirred();
    if (this.remoteEnded && this.#head === undefined) this.finish();
  }

  /** The request's body broke: the service must not take what it has for a whole request. */
  messageCut(failure: BodyFailure): void {
    this.#fail(
      failure instanceof Failure ? failure : new Failure(failure.code, failure.detail),
      ErrorCode.cancel,
    );
  }

  // ---- the answer

  laterHeaders(section: FieldSection, endStream: boolean): void {
    this.#wait.stirred();
    if (this.body !== undefined) {
      this.#trailers(section, endStream);
      return;
    }
    const head = responseHeadOf(section, this.#method);
    if (head instanceof Failure) this.#fail(head, ErrorCode.protocol);
    else if (head.status >= 200) this.#final(head, endStream);
    else this.#interim(head, endStream);
  }

  #interim(head: ResponseHead, endStream: boolean): void {
    this.#informational++;
    if (endStream) this.#refuse("it ends with an informational reply");
    else if (this.#informational > INFORMATIONAL_MAX) this.#refuse("it has too many informational replies");
    else this.#events?.informational(head);
  }

  /** The last head; it is told once all that came with it is read, so that a small answer goes on as one. */
  #final(head: ResponseHead, endStream: boolean): void {
    this.#tunnel = this.#key !== undefined && head.status < 300;
    this.#head = head;
    this.body = new StreamBody(this, head.framing >= 0 && !this.#tunnel ? head.framing : undefined);
    this.#client.settleLater(this);
    if (!endStream) return;
    if (head.framing > 0) this.#refuse("the body that Content-Length announces does not come");
    else this.endIncoming(undefined);
  }

  #trailers(section: FieldSection, endStream: boolean): void {
    const trailers = trailersOf(section);
    if (trailers instanceof Failure) this.#fail(trailers, ErrorCode.protocol);
    else if (!endStream) this.#refuse("a head stands in the middle of its body");
    else {
      this.endIncoming(trailers);
      if (this.body!.contradicts) this.contradicted();
    }
  }

  override data(bytes: Buffer, from: number, to: number, reused: boolean): void {
    this.#wait.stirred();
    super.data(bytes, from, to, reused);
    if (this.body === undefined && !this.closed) this.#refuse("content stands before its head");
  }

  contradicted(): void {
    this.#refuse("its body is longer or shorter than Content-Length says");
  }

  protected override endIncoming(trailers: Fields | undefined): void {
    if (this.body === undefined) {
      this.#refuse("it has no head");
      return;
    }
    super.endIncoming(trailers);
    if (this.body.contradicts) return; // `contradicted` follows
    if (this.#head === undefined) this.#bothOver();
  }

  /** The service has said all: so have we, or it does not want the rest of the request. */
  #bothOver(): void {
    if (this.localEnded) this.finish();
    else if (!this.#tunnel) this.#stop(ErrorCode.cancel);
  }

  /** The bytes at hand are read: the answer is told, whole where it came whole. */
  settle(): void {
    const head = this.#head;
    const body = this.body;
    if (head === undefined || body === undefined) return;
    const events = this.#events;
    this.#head = undefined;
    this.#events = undefined;
    if (this.#tunnel) {
      this.#switch(head, body, events);
      return;
    }
    const whole = body.whole();
    // The place is free before the answer goes on, so that the next request can have it.
    if (this.remoteEnded) this.#bothOver();
    const nothing = whole !== undefined && whole.length === 0 && whole.trailers === undefined;
    events?.answered(head, nothing ? undefined : (whole ?? body), undefined);
  }

  #switch(head: ResponseHead, body: StreamBody, events: ClientEvents | undefined): void {
    const writer = new StreamWriter(this, this.#client, undefined);
    this.writer = writer;
    head.fields.remove("content-length");
    head.fields.put("sec-websocket-accept", acceptOf(this.#key!));
    events?.answered(new ResponseHead(101, 20, undefined, head.fields, UNTIL_CLOSE, true), undefined, {
      incoming: body,
      outgoing: writer,
      abort: () => this.abort(),
    });
  }

  /** Nobody wants the rest of the answer. */
  bodyDropped(): void {
    this.#stop(ErrorCode.cancel);
  }

  // ---- the end

  abort(): void {
    this.#events = undefined;
    const { body } = this;
    this.#stop(ErrorCode.cancel);
    body?.fail(new Failure("body_cut"));
  }

  /** Ends it from our side, before its end. */
  #stop(code: number): void {
    this.cut(code);
    this.writer?.abandon();
  }

  #refuse(detail: string): void {
    this.#fail(new Failure("response_malformed", detail), ErrorCode.protocol);
  }

  #fail(failure: Failure, code: number): void {
    if (this.closed) return;
    this.#stop(code);
    this.#tell(failure);
  }

  /** It ends before it began. */
  #drop(failure: Failure): void {
    this.finish();
    this.#tell(failure);
  }

  #tell(failure: Failure): void {
    const events = this.#events;
    this.#events = undefined;
    this.#head = undefined;
    // What came behind a head that was not told has no taker: its room is given back.
    this.body?.fail(failure);
    events?.failed(failure);
  }

  left(failure: Failure, code: number): void {
    if (this.remoteEnded && !this.#tunnel && this.#head !== undefined) {
      // All of the answer came; only the rest of the request was not wanted (RFC 9113 §8.1).
      this.settle();
      return;
    }
    const told = this.#events === undefined;
    this.writer?.abandon();
    if (failure.code === "stream_refused") this.#tell(failure);
    else if (failure.code !== "client_left") this.#tell(this.#cutBy(failure, told));
    else if (failure.detail !== undefined) this.#tell(new Failure("response_malformed", failure.detail));
    else if (code === ErrorCode.refusedStream && this.body === undefined)
      this.#tell(new Failure("stream_refused"));
    else
      this.#tell(
        new Failure(told ? "body_cut" : "response_cut", `the service reset the stream (${errorName(code)})`),
      );
  }

  /** The connection is gone. Where nothing came since it was sent, it was closed as it was reused. */
  #cutBy(failure: Failure, told: boolean): Failure {
    if (told) return new Failure("body_cut", failure.detail);
    const unheard = this.#client.heard === this.#heardBefore;
    if (failure.code === "connection_reused_closed" && !unheard)
      return new Failure("response_cut", failure.detail);
    return failure;
  }

  /** It is the service's turn. */
  get waits(): boolean {
    const { body, writer } = this;
    if (this.#tunnel || body?.blocked === true) return false;
    return writer === undefined || writer.over || writer.stalled;
  }

  look(now: number): void {
    if (this.#tunnel) return;
    const late = this.#wait.isLate(now, this.body, this.writer, this.#client.timeouts);
    if (!late) return;
    const code = this.#events === undefined ? "body_idle" : "response_timeout";
    this.#fail(new Failure(code), ErrorCode.cancel);
  }
}
