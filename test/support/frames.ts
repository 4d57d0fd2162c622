/** HTTP/2 by hand: frames are written octet by octet, and every frame that comes back is kept. */
import { HpackDecoder } from "../../src/http/h2/hpack/decoder.ts";
import { connectRaw, type RawConnection } from "./raw.ts";
import { HUNG_AFTER_MS } from "./wait.ts";

/** The client's preface (RFC 9113 section 3.4). */
export const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** Types of frames (RFC 9113 section 6). */
export const T = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goAway: 7,
  window: 8,
  continuation: 9,
} as const;

/** Flags. */
export const F = { ack: 1, endStream: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

/** Names of error codes (RFC 9113 section 7), in their order. */
export const CODES = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
] as const;

/** A frame as it came; the payload is Latin-1 text. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: string;
}

/** A number in so many octets. */
export function octets(value: number, count: number): string {
  let text = "";
  for (let i = count - 1; i >= 0; i--) text += String.fromCharCode(Math.floor(value / 256 ** i) & 0xff);
  return text;
}

/** A number from octets. */
export function numberOf(text: string): number {
  let value = 0;
  for (let i = 0; i < text.length; i++) value = value * 256 + text.charCodeAt(i);
  return value;
}

/** A frame; its length is that of the payload where no other is given. */
export function frame(type: number, flags: number, stream: number, payload = "", length?: number): string {
  return (
    octets(length ?? payload.length, 3) + octets(type, 1) + octets(flags, 1) + octets(stream, 4) + payload
  );
}

/** A header block of literals without indexing (RFC 7541 section 6.2.2), whatever the names and values hold. */
export function block(fields: readonly (readonly [string, string])[]): string {
  return fields.map(([name, value]) => `\0${text(name)}${text(value)}`).join("");
}

function text(value: string): string {
  if (value.length < 127) return String.fromCharCode(value.length) + value;
  let rest = value.length - 127;
  let head = "\x7f";
  for (; rest >= 128; rest = Math.floor(rest / 128)) head += String.fromCharCode((rest % 128) + 128);
  return head + String.fromCharCode(rest) + value;
}

/** The fields of a usual request; more follow the pseudo-fields. */
export function request(
  method = "GET",
  path = "/",
  more: readonly (readonly [string, string])[] = [],
): (readonly [string, string])[] {
  return [[":method", method], [":scheme", "http"], [":authority", "h2.test"], [":path", path], ...more];
}

/** A HEADERS frame with a whole block. */
export function headers(
  stream: number,
  fields: readonly (readonly [string, string])[],
  endStream = true,
): string {
  return frame(T.headers, F.endHeaders | (endStream ? F.endStream : 0), stream, block(fields));
}

/** What came back on one stream. */
export interface Answer {
  readonly status: number;
  readonly fields: ReadonlyMap<string, string>;
  readonly body: string;
  readonly trailers: ReadonlyMap<string, string> | undefined;
  /** Name of the error code of an RST_STREAM. */
  readonly reset: string | undefined;
}

/** A client that sends the octets that it is told to. */
export class FramePeer {
  readonly raw: RawConnection;
  /** Every frame so far. */
  readonly frames: Frame[] = [];
  readonly #decoder = new HpackDecoder();
  readonly #blocks = new Map<Frame, Map<string, string>>();

  constructor(raw: RawConnection) {
    this.raw = raw;
  }

  /** Connects and sends preface and SETTINGS; identifiers and values alternate. */
  static async open(port: number, settings: readonly number[] = []): Promise<FramePeer> {
    const peer = new FramePeer(await connectRaw(port));
    peer.send(PREFACE + settingsFrame(settings));
    await peer.frame(({ type, flags }) => type === T.settings && flags === 0);
    peer.send(frame(T.settings, F.ack, 0));
    return peer;
  }

  /** Sends octets. */
  send(bytes: string): void {
    this.raw.send(bytes);
  }

  #parse(): void {
    for (;;) {
      const { received } = this.raw;
      const length = received.length < 9 ? Number.POSITIVE_INFINITY : numberOf(received.slice(0, 3));
      if (received.length < 9 + length) return;
      const made: Frame = {
        type: received.charCodeAt(3),
        flags: received.charCodeAt(4),
        stream: numberOf(received.slice(5, 9)),
        payload: received.slice(9, 9 + length),
      };
      this.raw.received = received.slice(9 + length);
      this.frames.push(made);
      if (made.type === T.headers) this.#blocks.set(made, this.#fieldsOf(made.payload));
    }
  }

  #fieldsOf(payload: string): Map<string, string> {
    const bytes = Buffer.from(payload, "latin1");
    const fields = new Map<string, string>();
    const problem = this.#decoder.decode(bytes, 0, bytes.length, (name, value) => {
      fields.set(name, fields.has(name) ? `${fields.get(name)}, ${value}` : value);
    });
    if (problem !== "") throw new Error(`a header block that cannot be read: ${problem}`);
    return fields;
  }

  /** Waits until `done` holds of all that came, or the connection has ended; false then. Throws when neither happens. */
  async until(what: string, done: () => boolean): Promise<boolean> {
    const check = (): boolean => {
      this.#parse();
      return done();
    };
    if (!(await this.raw.until(check, HUNG_AFTER_MS)))
      throw new Error(`still waiting for ${what}; came: ${JSON.stringify(this.frames.map(told))}`);
    return check();
  }

  /** The first frame that fits; throws when the connection ends before. */
  async frame(fits: (frame: Frame) => boolean): Promise<Frame> {
    if (!(await this.until("a frame", () => this.frames.some(fits))))
      throw new Error(`the connection ended; came: ${JSON.stringify(this.frames.map(told))}`);
    return this.frames.find(fits)!;
  }

  /** Sends a PING and waits for its answer: what was sent before has been read. False when the connection ended. */
  async ping(payload = "are here"): Promise<boolean> {
    const before = this.#pongs(payload);
    this.send(frame(T.ping, 0, 0, payload));
    return this.until("the answer to a PING", () => this.#pongs(payload) > before);
  }

  #pongs(payload: string): number {
    return this.frames.filter(
      ({ type, flags, payload: is }) => type === T.ping && flags === 1 && is === payload,
    ).length;
  }

  /** The error code of the last GOAWAY, by name, once the connection has ended. */
  async end(): Promise<string> {
    await this.until("the end of the connection", () => false);
    return this.goAway ?? "none";
  }

  /** The error code of the last GOAWAY so far, by name. */
  get goAway(): string | undefined {
    const last = this.frames.findLast(({ type }) => type === T.goAway);
    return last === undefined ? undefined : CODES[numberOf(last.payload.slice(4, 8))];
  }

  /** The error code of a stream's RST_STREAM so far, by name. */
  reset(stream: number): string | undefined {
    const found = this.frames.find(({ type, stream: of }) => type === T.reset && of === stream);
    return found === undefined ? undefined : CODES[numberOf(found.payload)];
  }

  /** The answer on a stream: waits until it is whole, reset, or the connection ended. */
  async answer(stream: number): Promise<Answer> {
    const ended = ({ type, flags, stream: of }: Frame): boolean =>
      of === stream && (type === T.reset || ((type === T.data || type === T.headers) && (flags & 1) !== 0));
    await this.until(`the answer on stream ${stream}`, () => this.frames.some(ended));
    const mine = this.frames.filter(({ stream: of }) => of === stream);
    const heads = mine.flatMap((one) => this.#blocks.get(one) ?? []);
    const final = heads.findIndex((fields) => Number(fields.get(":status")) >= 200);
    const fields = heads[final] ?? new Map<string, string>();
    return {
      status: Number(fields.get(":status") ?? 0),
      fields,
      body: mine.flatMap(({ type, payload }) => (type === T.data ? payload : [])).join(""),
      trailers: final === -1 ? undefined : heads[final + 1],
      reset: this.reset(stream),
    };
  }

  /** Ends the connection. */
  close(): void {
    this.raw.close();
  }
}

/** SETTINGS; identifiers and values alternate. */
export function settingsFrame(settings: readonly number[] = []): string {
  let payload = "";
  for (let i = 0; i < settings.length; i += 2)
    payload += octets(settings[i]!, 2) + octets(settings[i + 1]!, 4);
  return frame(T.settings, 0, 0, payload);
}

function told({ type, flags, stream, payload }: Frame): string {
  return `type ${type} flags ${flags} stream ${stream} ${JSON.stringify(payload.slice(0, 40))}`;
}
