import type { Body, BodySink, BodySource } from "./body.ts";
import { type BodyFailure, Collector, HeldBody } from "./body.ts";
import { Fields } from "./fields.ts";

/** Both directions of a connection that left HTTP behind (RFC 9110 §7.8). */
export interface Tunnel {
  readonly incoming: BodySource;
  /** Takes what the client sends; `write` starts its source and keeps to the pace of the service. */
  readonly outgoing: BodySink & { write(source: BodySource): void };
  /** Ends both directions at once. */
  abort(): void;
  /** How long it goes on once its server is told to stop, in milliseconds (default 0). */
  readonly grace?: number;
}

/** The answer to a request: ours, or a service's. Response steps may change all of it. */
export class Reply {
  status: number;
  /** The words behind the status; undefined for the usual ones. */
  phrase: string | undefined;
  readonly fields: Fields;
  body: Body | undefined;
  /** Set on a 101: what the connection becomes. */
  tunnel: Tunnel | undefined;
  /** The reason code when the gateway made this reply itself. */
  reason: string | undefined;

  constructor(status: number, fields: Fields = new Fields(), body?: Body) {
    this.status = status;
    this.phrase = undefined;
    this.fields = fields;
    this.body = body;
    this.tunnel = undefined;
    this.reason = undefined;
  }

  /** A reply with text in UTF-8; `content-type` is text/plain where the fields name none. */
  static text(status: number, text: string, fields: Readonly<Record<string, string>> = {}): Reply {
    return Reply.#of(status, text, "text/plain; charset=utf-8", fields);
  }

  /** A reply with a JSON document. */
  static json(status: number, value: unknown, fields: Readonly<Record<string, string>> = {}): Reply {
    return Reply.#of(status, JSON.stringify(value), "application/json", fields);
  }

  static #of(status: number, text: string, type: string, fields: Readonly<Record<string, string>>): Reply {
    const reply = new Reply(status, Fields.from(fields), HeldBody.fromText(text));
    if (!reply.fields.has("content-type")) reply.fields.set("content-type", type);
    return reply;
  }

  /** A copy with fields of its own: a policy may give one reply to many exchanges. */
  own(): Reply {
    const copy = new Reply(this.status, this.fields.clone(), this.body);
    copy.phrase = this.phrase;
    copy.tunnel = this.tunnel;
    copy.reason = this.reason;
    return copy;
  }

  /** Gives up what this reply would have sent, except what `successor` took over from it. */
  discard(successor?: Reply): void {
    const { body, tunnel } = this;
    if (body !== undefined && body !== successor?.body && !(body instanceof HeldBody)) body.cancel();
    if (tunnel !== successor?.tunnel) tunnel?.abort();
  }

  /** Waits until the body is all here, at most `max` bytes; what went wrong, if something did. */
  async hold(max: number): Promise<BodyFailure | undefined> {
    const { body } = this;
    if (body === undefined) return undefined;
    if (body instanceof HeldBody)
      return body.length > max ? { code: "body_too_large", detail: `more than ${max} bytes` } : undefined;
    const result = await new Promise<HeldBody | BodyFailure>((done) =>
      body.start(new Collector(body, max, done)),
    );
    if (!(result instanceof HeldBody)) return result;
    this.body = result;
    return undefined;
  }
}
