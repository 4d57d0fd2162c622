import { Failure } from "../errors/failure.ts";
import type { HeadLimits } from "../lib/limits.ts";
import { LF } from "./bytes.ts";
import { type ResponseHead, readResponseHead, responseRead } from "./response-reader.ts";

/** Informational replies to one request that are passed on; more are an attack. */
const INFORMATIONAL_MAX = 16;

/** Who is told of the heads that answer one request. */
export interface HeadsOwner {
  /** A 1xx other than 101 came. Returns false when nobody waits for more. */
  interimHead(head: ResponseHead): boolean;
  /** The last head came; what follows it stands in `bytes[from, to)`. */
  finalHead(head: ResponseHead, bytes: Buffer, from: number, to: number): void;
  headBroken(failure: Failure): void;
}

/** Reads the heads that answer one request, in whatever pieces they come: informational ones, then the last. */
export class ResponseHeads {
  readonly #owner: HeadsOwner;
  readonly #limits: HeadLimits;
  #method = "";
  /** Part of a head. */
  #ahead: Buffer | undefined = undefined;
  #informational = 0;
  /** A byte of the answer came. */
  begun = false;

  constructor(owner: HeadsOwner, limits: HeadLimits) {
    this.#owner = owner;
    this.#limits = limits;
  }

  /** A request was sent: what comes now answers it. */
  expect(method: string): void {
    this.#method = method;
    this.#informational = 0;
    this.begun = false;
  }

  /** Takes bytes that arrived. A head that came in parts is read again only when a line ended: their number is limited. */
  take(bytes: Buffer, to: number): void {
    this.begun = true;
    if (this.#ahead === undefined) {
      this.#read(bytes, to);
      return;
    }
    const ahead = Buffer.concat([this.#ahead, bytes.subarray(0, to)]);
    this.#ahead = ahead;
    if (bytes.subarray(0, to).includes(LF) || ahead.length > this.#limits.head) {
      this.#ahead = undefined;
      this.#read(ahead, ahead.length);
    }
  }

  #read(bytes: Buffer, to: number): void {
    let at = 0;
    while (at < to) {
      const head = readResponseHead(bytes, at, to, this.#limits, this.#method);
      if (head === undefined) {
        this.#ahead = Buffer.from(bytes.subarray(at, to));
        return;
      }
      if (head instanceof Failure) {
        this.#owner.headBroken(head);
        return;
      }
      at = responseRead.end;
      if (head.status >= 200 || head.status === 101) {
        this.#owner.finalHead(head, bytes, at, to);
        return;
      }
      this.#informational++;
      if (this.#informational > INFORMATIONAL_MAX) {
        this.#owner.headBroken(new Failure("response_malformed", "it has too many informational replies"));
        return;
      }
      if (!this.#owner.interimHead(head)) return;
    }
  }
}
