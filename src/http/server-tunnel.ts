import type { BodyFailure, BodySink, BodySource, Chunk } from "../lib/body.ts";
import type { Fields } from "../lib/fields.ts";
import type { Tunnel } from "../lib/reply.ts";
import { closeFrame } from "../lib/websocket-frame.ts";
import { FrameScanner } from "./frame-scanner.ts";

/** The endpoint is going away (RFC 6455 §7.4.1). */
const GOING_AWAY = 1_001;

/** The side towards the client: takes what the service sends, and its end. */
export interface TunnelWriter {
  write(source: BodySource): void;
  end(): void;
}

/** A client's connection after 101: both directions pass bytes and end each on its own (RFC 9110 §7.8). */
export class ServerTunnel {
  readonly #tunnel: Tunnel;
  readonly #outgoing: TunnelWriter;
  readonly #transport: { endWrite(): void };
  readonly #over: () => void;
  readonly #fromService: Direction;
  readonly #fromClient: Direction;
  #inDone = false;
  #outDone = false;
  #leaving = false;
  /** Runs while the server stops and the tunnel may still go on. */
  #grace: NodeJS.Timeout | undefined = undefined;

  constructor(
    tunnel: Tunnel,
    incoming: BodySource,
    outgoing: TunnelWriter,
    transport: { endWrite(): void },
    over: () => void,
  ) {
    this.#tunnel = tunnel;
    this.#outgoing = outgoing;
    this.#transport = transport;
    this.#over = over;
    const advance = (): void => this.#advance();
    this.#fromService = new Direction(tunnel.incoming, advance);
    this.#fromClient = new Direction(incoming, advance);
  }

  start(): void {
    this.#outgoing.write(this.#fromService);
    this.#tunnel.outgoing.write(this.#fromClient);
  }

  /** The client sent its end; the service was told. */
  incomingEnded(): void {
    this.#inDone = true;
    this.#settle();
  }

  /** The service sent its end: so do we. */
  outgoingEnded(): void {
    this.#outDone = true;
    this.#transport.endWrite();
    this.#settle();
  }

  /** Tells the client to go, as soon as a frame of the service is whole; its own Close ends the tunnel. */
  goAway(code: number = GOING_AWAY, reason = ""): void {
    if (this.#leaving) return;
    this.#leaving = true;
    if (this.#outDone) return;
    if (this.#fromService.frames.closed) this.#advance();
    else this.#fromService.endWith(closeFrame(code, reason, false));
  }

  /** The server stops: whether the tunnel goes on for now; `goes` is called when its time is up. */
  stays(goes: () => void): boolean {
    const { grace = 0 } = this.#tunnel;
    if (grace === 0 || this.#leaving) return false;
    this.#grace ??= setTimeout(goes, grace);
    return true;
  }

  /** Once both have said Close, or the client, which was told to go, has no more to say, nothing is waited for. */
  #advance(): void {
    if (!this.#leaving || !this.#fromService.said || !this.#fromClient.said) return;
    this.#outgoing.end();
    this.#tunnel.outgoing.end();
  }

  closed(): void {
    clearTimeout(this.#grace);
    this.#tunnel.abort();
  }

  #settle(): void {
    if (!this.#inDone || !this.#outDone) return;
    if (this.#leaving) this.#tunnel.abort();
    clearTimeout(this.#grace);
    this.#over();
  }
}

/** One direction: passes bytes on unchanged and knows where frames end. */
class Direction implements BodySource, BodySink {
  readonly length = undefined;
  readonly frames = new FrameScanner();
  readonly #source: BodySource;
  readonly #advance: () => void;
  #sink: BodySink | undefined = undefined;
  /** The frame that is put in at the next boundary. */
  #last: Uint8Array | undefined = undefined;
  /** The sink still uses the last piece: it takes no other. */
  #busy = false;
  #over = false;
  #ended = false;

  /** @param advance called when it may have said all */
  constructor(source: BodySource, advance: () => void) {
    this.#source = source;
    this.#advance = advance;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#source.start(this);
  }

  /** A Close, or its end, has reached the other side: nothing of weight follows. */
  get said(): boolean {
    return (this.frames.closed || this.#ended) && !this.#busy;
  }

  data(chunk: Chunk): boolean {
    if (this.#over) return true;
    const { frames } = this;
    const cuts = this.#last !== undefined;
    const end = frames.follow(chunk, cuts);
    const taken = this.#give(cuts && this.#endsHere ? part(chunk, end) : chunk);
    if (frames.closed) this.#advance();
    return taken && this.#endsHere ? this.#finish() : taken;
  }

  /** The last frame stands in for all that would follow. */
  get #endsHere(): boolean {
    return this.#last !== undefined && this.frames.atBoundary && !this.frames.closed;
  }

  /** Whoever takes it may have the tunnel end meanwhile: until it is done with, this is not all that was said. */
  #give(piece: Chunk): boolean {
    this.#busy = true;
    this.#busy = !this.#sink!.data(piece);
    return !this.#busy;
  }

  /** Puts a frame in at the next boundary, a Close; what its source sends behind it is thrown away. */
  endWith(frame: Uint8Array): void {
    this.#last = frame;
    if (this.frames.atBoundary && !this.#busy) this.#finish();
  }

  #finish(): boolean {
    this.#over = true;
    this.frames.closed = true;
    const taken = this.#give(this.#last!);
    this.#advance();
    return taken;
  }

  end(trailers?: Fields): void {
    this.#ended = true;
    this.#sink!.end(trailers);
    this.#advance();
  }

  fail(failure: BodyFailure): void {
    this.#sink!.fail(failure);
  }

  resume(): void {
    this.#busy = false;
    if (this.#endsHere) this.#finish();
    else this.#advance();
    this.#source.resume();
  }

  cancel(): void {
    this.#source.cancel();
  }
}

function part(chunk: Chunk, end: number): Chunk {
  return typeof chunk === "string" ? chunk.slice(0, end) : chunk.subarray(0, end);
}
