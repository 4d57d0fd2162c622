import type { ClientTimeouts } from "./client-contract.ts";

/**
 * What a client connection waits for: the next request, the service to read the request, the answer, more
 * of the answer's body; or for nobody but us (a reader that is behind, a tunnel).
 */
export type ClientWait = "request" | "upload" | "answer" | "body" | "us";

/**
 * How long a client connection has waited, and for what. It reads no clock of its own: the first look after a change notes
 * the time, so that a request costs none.
 */
export class ClientClock {
  readonly #timeouts: ClientTimeouts;
  /** When the wait under way was first seen; 0 before that. */
  #since = 0;
  /** Bytes that the kernel had not taken at the last look. */
  #backlog = 0;
  /** For so long the connection may be idle, in milliseconds. */
  #keepAlive: number;

  constructor(timeouts: ClientTimeouts, keepAlive: number) {
    this.#timeouts = timeouts;
    this.#keepAlive = keepAlive;
  }

  /** What was waited for came: another wait begins. */
  stirred(): void {
    this.#since = 0;
  }

  /** The service closes idle connections after so many seconds: ours go a second before. */
  serviceKeepsFor(seconds: number): void {
    this.#keepAlive = Math.min(this.#keepAlive, Math.max(0, seconds * 1_000 - 1_000));
  }

  /** Whether the wait has lasted too long; `backlog` counts only while the request is sent. */
  isLate(now: number, wait: ClientWait, backlog: number): boolean {
    const limit = this.#limitOf(wait, backlog);
    if (limit === 0) return false;
    if (this.#since === 0) this.#since = now;
    return now - this.#since >= limit;
  }

  /** The time limit of a wait; 0 for none. */
  #limitOf(wait: ClientWait, backlog: number): number {
    switch (wait) {
      case "request":
        return this.#keepAlive;
      case "answer":
        return this.#timeouts.response;
      case "body":
        return this.#timeouts.idle;
      case "us":
        this.#since = 0;
        return 0;
      default:
        // The request is on its way: only a service that does not read it is waited for.
        if (backlog === 0 || backlog !== this.#backlog) this.#since = 0;
        this.#backlog = backlog;
        return backlog === 0 ? 0 : this.#timeouts.idle;
    }
  }
}
