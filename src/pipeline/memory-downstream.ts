import { Failure } from "../errors/failure.ts";
import { type BodyFailure, type BodySource, Collector, HeldBody } from "../lib/body.ts";
import type { Fields, ReadonlyFields } from "../lib/fields.ts";
import type { Reply } from "../lib/reply.ts";
import type { Downstream, DownstreamEvents, Peer } from "../lib/request.ts";

/** An answer that is all here. */
export interface MemoryReply {
  readonly status: number;
  readonly fields: ReadonlyFields;
  readonly body: Uint8Array;
  readonly trailers: ReadonlyFields | undefined;
  /** Informational replies that came before, in order. */
  readonly informational: readonly { readonly status: number; readonly fields: ReadonlyFields }[];
}

/** Bytes of an answer that are held. */
const MAX = 16 * 1024 * 1024;

const nobody = (): boolean => false;

export const MEMORY_PEER: Peer = {
  listener: "",
  address: "",
  port: 0,
  trusted: false,
  secure: false,
  trusts: nobody,
  memo: undefined,
};

/** A downstream without a wire: runs the whole walk for tests, tools and requests of the gateway's own. */
export class MemoryDownstream implements Downstream {
  readonly peer: Peer;
  readonly #max: number;
  readonly #informational: { status: number; fields: Fields }[] = [];
  readonly #answer: PromiseWithResolvers<MemoryReply> = Promise.withResolvers<MemoryReply>();
  #events: DownstreamEvents | undefined = undefined;
  #source: BodySource | undefined = undefined;

  /** @param max bytes of an answer that are held */
  constructor(peer: Peer = MEMORY_PEER, max: number = MAX) {
    this.peer = peer;
    this.#max = max;
    this.#answer.promise.catch(() => undefined);
  }

  attach(events: DownstreamEvents): void {
    this.#events = events;
  }

  /** The answer; rejects with a Failure when it was cut or the exchange was given up. */
  get reply(): Promise<MemoryReply> {
    return this.#answer.promise;
  }

  informational(status: number, fields: Fields): void {
    this.#informational.push({ status, fields });
  }

  send(reply: Reply): void {
    const { body } = reply;
    if (reply.tunnel !== undefined) {
      reply.tunnel.abort();
      this.#cut({ code: "upgrade_unasked" });
    } else if (body === undefined) this.#whole(reply, new HeldBody(""));
    else if (body instanceof HeldBody) {
      if (body.length > this.#max)
        this.#cut({ code: "body_too_large", detail: `more than ${this.#max} bytes` });
      else this.#whole(reply, body);
    } else {
      this.#source = body;
      const done = (result: HeldBody | BodyFailure): void =>
        result instanceof HeldBody ? this.#whole(reply, result) : this.#cut(result);
      body.start(new Collector(body, this.#max, done));
    }
  }

  #whole(reply: Reply, body: HeldBody): void {
    const { status, fields } = reply;
    this.#settle(true, body.length, undefined);
    this.#answer.resolve({
      status,
      fields,
      body: body.bytes(),
      trailers: body.trailers,
      informational: this.#informational,
    });
  }

  #cut(failure: BodyFailure): void {
    this.#settle(false, 0, failure.code);
    this.#answer.reject(new Failure(failure.code, failure.detail));
  }

  #settle(complete: boolean, bytes: number, failure: string | undefined): void {
    const events = this.#events;
    this.#events = undefined;
    events?.sent(complete, bytes, failure);
  }

  /** The one who asked does not want the answer any more. */
  leave(): void {
    this.#source?.cancel();
    const events = this.#events;
    this.#events = undefined;
    events?.left(0);
    this.#answer.reject(new Failure("client_left"));
  }

  reset(): void {
    this.#cut({ code: "client_left" });
  }

  goAway(_graceMs: number): void {}
}
