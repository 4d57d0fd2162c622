import type { ClientTimeouts } from "../client-contract.ts";
import type { StreamBody } from "./stream-body.ts";
import type { StreamWriter } from "./stream-writer.ts";

/** How long a stream has waited for its service; the first look after a change notes the time. */
export class StreamWait {
  #since = 0;
  #written = 0;

  /** What was waited for came. */
  stirred(): void {
    this.#since = 0;
  }

  /** Whether the answer, more of its body, or room for more of the request took too long. */
  isLate(
    now: number,
    body: StreamBody | undefined,
    writer: StreamWriter | undefined,
    timeouts: ClientTimeouts,
  ): boolean {
    let limit = timeouts.idle;
    if (body !== undefined) {
      // Nobody but us is waited for.
      if (body.blocked || body.untouched) limit = 0;
    } else if (writer === undefined || writer.over) limit = timeouts.response;
    else {
      if (!writer.stalled || writer.written !== this.#written) limit = 0;
      this.#written = writer.written;
    }
    if (limit === 0) {
      this.#since = 0;
      return false;
    }
    if (this.#since === 0) this.#since = now;
    return now - this.#since >= limit;
  }
}
